"""What may vary in a simulated echo, as ranges."""

from __future__ import annotations

from dataclasses import dataclass, fields

from echoseg.errors import EchosegError

Range = tuple[float, float]
VIEWS = ("A4C", "A2C", "A3C", "PSAX")
"""Views the simulator can cut: apical four, two and three chambers, and the parasternal short axis at mid-ventricle."""


class SimulationError(EchosegError):
    """The simulator was asked for something it cannot draw."""


@dataclass(frozen=True)
class EchoOptions:
    """Ranges (low, high) that a simulated echo is drawn from, and probabilities in 0..1.

    Attributes:
        ef: ejection fraction, percent.
        edv_ml: end-diastolic LV volume, mL.
        heart_rate: beats per minute.
        fps: frames per second of a clip.
        systole: probability that a clip is centred on an end-systole instead of a random moment; a heart is seldom that small.
        tilt_deg: in-plane rotation of the LV long axis, either side, degrees.
        foreshortening_deg: angle between the LV long axis and the image plane, degrees.
        sway_deg: how far the probe tilts out of the plane with breathing, degrees.
        sector_deg: full opening angle of the sector, degrees.
        stretch: extra height-to-width factor of the pixels (1 leaves them as the layout made them).
        contrast_db: myocardium over blood, dB.
        dynamic_range_db: log compression, dB.
        mirrored: probability that the LV is drawn on the other side.
        overlay: probability of burned-in text, ECG and marks.
        colour: probability that frames come as ``(T, H, W, 3)``, tinted or with coloured marks.
        compression: probability of JPEG artefacts.
        video: probability that a clip has been through a video codec; stills have not.

    Raises:
        SimulationError: a range is reversed or a probability lies outside 0..1.
    """

    ef: Range = (15.0, 75.0)
    edv_ml: Range = (45.0, 330.0)
    heart_rate: Range = (45.0, 150.0)
    fps: Range = (15.0, 80.0)
    systole: float = 0.0
    tilt_deg: Range = (-25.0, 25.0)
    foreshortening_deg: Range = (0.0, 18.0)
    sway_deg: Range = (0.0, 0.0)
    sector_deg: Range = (60.0, 100.0)
    stretch: Range = (0.75, 1.33)
    contrast_db: Range = (10.0, 36.0)
    dynamic_range_db: Range = (40.0, 70.0)
    mirrored: float = 0.1
    overlay: float = 0.5
    colour: float = 0.15
    compression: float = 0.6
    video: float = 0.25

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                if len(value) != 2 or not value[0] <= value[1]:
                    raise SimulationError(f"{field.name} must be (low, high) with low <= high, not {value}")
            elif not 0.0 <= value <= 1.0:
                raise SimulationError(f"{field.name} is a probability in 0..1, not {value}")
