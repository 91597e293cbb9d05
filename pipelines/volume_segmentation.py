"""Objects of one CT or MRI volume from prompts: python pipelines/volume_segmentation.py VOLUME --prompt box:x0,y0,x1,y1@slice"""

import argparse

import echoseg


def main() -> None:
    parser = argparse.ArgumentParser(description="Segment prompted objects of a volume; print their volumes and diameters.")
    parser.add_argument("volume", help="NIfTI, NRRD, MetaImage, a folder with a DICOM series, or MedSAM2's .npz")
    parser.add_argument(
        "--prompt",
        required=True,
        help="box:x0,y0,x1,y1@slice, box:x0,y0,z0,x1,y1,z1, point:x,y,z, recist:x0,y0,x1,y1@slice, mask:FILE@slice, or a JSON file",
    )
    parser.add_argument("--model", default="compact", help="or medsam2, with --weights MedSAM2_latest.pt (default: compact)")
    parser.add_argument("--weights", help="checkpoint of the model")
    parser.add_argument("--out", default="out", help="folder of the results (default: out)")
    arguments = parser.parse_args()

    result = echoseg.run(arguments.volume, out=arguments.out, prompt=arguments.prompt, model=arguments.model, weights=arguments.weights)

    for item in result.measurements["objects"]:
        volume, longest, across = item["volume_ml"], item["long_axis_mm"], item["short_axis_mm"]
        print(f"{item['name']}:", "volume unknown" if volume is None else f"{volume:.2f} mL")
        if longest is not None:
            print(f"  {longest:.1f} x {across:.1f} mm on slice {item['diameter_slice']} (longest diameter x its perpendicular)")
    for flag in result.flags:
        print(f"look: {flag.message}")
    for what, path in result.files.items():
        print(f"{what}: {path}")


if __name__ == "__main__":
    main()
