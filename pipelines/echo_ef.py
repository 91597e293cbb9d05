"""Ejection fraction of one echo clip, with pictures: python pipelines/echo_ef.py CLIP [--out DIR]"""

import argparse

import echoseg


def main() -> None:
    parser = argparse.ArgumentParser(description="Find and track the left ventricle in an apical echo clip; print its ejection fraction.")
    parser.add_argument("clip", help="DICOM, mp4, avi, gif, a folder of frames, or .npy")
    parser.add_argument("--out", default="out", help="folder of the results (default: out)")
    arguments = parser.parse_args()

    result = echoseg.run(arguments.clip, out=arguments.out, prompt="auto")

    for name in ("ef", "edv", "esv"):
        measure = result.measurements["measures"].get(name, {})
        value = measure.get("value")
        print(f"{name.upper():4}", "unknown" if value is None else f"{value:.1f} {measure['unit']}")
    for flag in result.flags:
        print(f"look: {flag.message}")
    for what, path in result.files.items():
        print(f"{what}: {path}")


if __name__ == "__main__":
    main()
