"""Volumes published with CAMUS (Leclerc et al. 2019), rebuilt from the human masks."""

import os
import re
from pathlib import Path

import pytest

from echoseg.cardiac import lv_ef

DATA = os.environ.get("ECHOSEG_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="ECHOSEG_DATA is not set: no CAMUS masks to compare with")


def left_ventricle(folder: Path, view: str, phase: str):
    import SimpleITK

    image = SimpleITK.ReadImage(str(folder / f"{folder.name}_{view}_{phase}_gt.mhd"))
    column_mm, row_mm, _ = image.GetSpacing()
    return SimpleITK.GetArrayFromImage(image)[0] == 1, (row_mm, column_mm)


@pytest.mark.parametrize("patient", ["patient0001", "patient0002"])
def test_camus_2019_gives_the_published_values(patient):
    folder = Path(DATA) / "echo" / "camus" / patient
    published = {key: float(value) for key, value in re.findall(r"(LV\w+): ([\d.]+)", (folder / "Info_4CH.cfg").read_text())}
    views = {phase: {f"A{view[0]}C": left_ventricle(folder, view, phase) for view in ("4CH", "2CH")} for phase in ("ED", "ES")}
    ejection = lv_ef(views["ED"], views["ES"], method="camus-2019")
    assert ejection.ef == pytest.approx(published["LVef"], abs=1)
    assert ejection.edv_ml == pytest.approx(published["LVedv"], rel=0.03)
    assert ejection.esv_ml == pytest.approx(published["LVesv"], rel=0.03)
