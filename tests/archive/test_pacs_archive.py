"""A query to a PACS as the source of an archive: a real Orthanc, started here."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from echoseg.archive.source import open_archive
from echoseg.cli.main import app
from echoseg.io.dicom.web import store_instances
from tests.dicom_objects import write_clip
from tests.pipeline.orthanc_server import running_orthanc


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_clip_of_the_studies_that_a_query_finds_is_an_item(tmp_path):
    clips = []
    for study, count in (("1.2.7", 2), ("1.2.8", 1), ("1.2.9", 1)):
        for number in range(count):
            uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.{number}"}
            frames = np.random.default_rng(len(clips)).integers(0, 255, (3, 40, 40, 3), dtype=np.uint8)
            uids |= {"StudyDate": "20200101" if study == "1.2.9" else "20240501", "InstanceNumber": number}
            clips.append(write_clip(tmp_path / f"{len(clips)}.dcm", frames, **uids))
    (tmp_path / "orthanc").mkdir()
    with running_orthanc(tmp_path / "orthanc") as server:
        store_instances(server.address, clips)
        query, out = f"{server.address}/studies?StudyDate=20240101-20241231", tmp_path / "out"
        done = CliRunner().invoke(app, ["archive", query, "--out", str(out), "--workers", "1", "--review", "0"])
        assert done.exit_code == 0, done.output
        rows = pq.read_table(out / "clips.parquet").to_pylist()
        asked = f"{server.address}/studies/1.2"
        places = [f"{asked}.{study}/series/1.2.{study}.1/instances/1.2.{study}.1.{number}" for study, number in ((7, 0), (7, 1), (8, 0))]
        assert [row["path"] for row in rows] == places
        assert rows[0]["study"] == rows[1]["study"] != rows[2]["study"]
        source = open_archive(query, out)
        assert not source.lost(places[0])
    assert source.lost(places[0])  # the server is gone: no item is to blame
