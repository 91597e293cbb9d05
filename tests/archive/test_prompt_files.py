"""Prompts that name files: found beside the manifest, and part of what a result depends on."""

import numpy as np
import pytest
from PIL import Image

from echoseg.archive.clip_task import ClipTask
from echoseg.archive.item import Item
from echoseg.archive.settings import Settings
from echoseg.archive.source import open_archive
from echoseg.errors import PromptError
from echoseg.io import open_source
from echoseg.prompting.mask_file import mask_plan, mask_prompt
from echoseg.prompting.parse import bare_prompt, located_prompt, parse_prompt, prompt_file


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("auto", None),
        ("box:1,2,3,4@5", None),
        ("recist:1,2,3,4@5", None),
        ("a/p.json", ("", "a/p.json", "")),
        ("mask:a/m.png@12", ("mask:", "a/m.png", "@12")),
        ("mask:a@b.nii.gz", ("mask:", "a@b.nii.gz", "")),
        ("recist-points:l.NPZ", ("recist-points:", "l.NPZ", "")),
    ],
)
def test_the_file_that_a_prompt_names(prompt, parts):
    assert prompt_file(prompt) == parts


def test_it_is_looked_for_beside_the_manifest_unless_it_is_absolute():
    assert located_prompt("mask:m.png@2", "/data") == "mask:/data/m.png@2"
    assert located_prompt("/else/p.json", "/data") == "/else/p.json"
    assert located_prompt("auto:LV", "/data") == "auto:LV"
    assert bare_prompt("mask:/data/m.png@2") == "mask:m.png@2" and bare_prompt("auto") == "auto"


def test_a_prompt_of_a_manifest_is_read_wherever_the_run_was_started(tmp_path, monkeypatch):
    (tmp_path / "m.csv").write_text("path,prompt\nclip.npy,mask:heart.png@1\n")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "heart.png")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    source = open_archive(tmp_path / "m.csv", tmp_path / "out")
    job = source.job("identify", 1, next(source.items()))
    path, frame = mask_prompt(parse_prompt(job.item.prompt, None))
    with open_source(np.zeros((2, 8, 8), np.uint8)) as source:
        (mask,) = mask_plan(path, source, frame).prompts[1][1]
    np.testing.assert_array_equal(mask.mask, np.eye(8, dtype=bool))


def test_a_name_counts_only_where_nothing_else_tells_the_view(tmp_path):
    (tmp_path / "clip.npy").write_bytes(b"frames")
    names = ("x_a4c.npy", "copy.npy")
    told, untold = (
        [ClipTask.identify(None, Item(name, view=view), str(tmp_path / "clip.npy")) for name in names] for view in ("A4C", None)
    )
    assert told[0] == told[1] and untold[0] != untold[1]


def test_the_content_of_the_file_decides_and_not_where_it_lies(tmp_path):
    def key(item):
        return ClipTask.identify(None, item, str(tmp_path / "clip.npy"))

    (tmp_path / "clip.npy").write_bytes(b"frames")
    prompts = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.png").write_bytes(b"mask")
        prompts.append(f"mask:{tmp_path}/{folder}/m.png@0")
    one, other = (key(Item("clip.npy", prompt=prompt)) for prompt in prompts)
    assert one == other != key(Item("clip.npy"))
    (tmp_path / "b" / "m.png").write_bytes(b"another")
    assert key(Item("clip.npy", prompt=prompts[1])) != one


def test_the_prompt_of_the_whole_run_is_told_apart_by_content(tmp_path):
    (tmp_path / "p.json").write_text("{}")
    config = Settings(f"{tmp_path}/p.json").config({})
    assert config["prompt"] == "p.json"
    (tmp_path / "p.json").write_text("{ }")
    assert Settings(f"{tmp_path}/p.json").config({}) != config
    with pytest.raises(PromptError, match=r"q\.json"):
        Settings(f"{tmp_path}/q.json").config({})
