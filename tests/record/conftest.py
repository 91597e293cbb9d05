from tests.report.conftest import make_case  # noqa: F401 (the beating ellipse)
