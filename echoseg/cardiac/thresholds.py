"""Every threshold of the cardiac room, in one place, with its unit and reason."""

from __future__ import annotations

# Beats (cycle.py)
MIN_HEART_RATE, MAX_HEART_RATE = 30.0, 200.0
"""Beats per minute that are looked for."""
SMOOTHING_S = 0.025
"""Gaussian sigma of the curve's low-pass filter in seconds: -3 dB at 5.3 Hz, above the third harmonic at 100 bpm."""
SPIKE_RANGE = 0.35
"""A frame that departs by this share of the curve's range from all but one of its four neighbours has a failed mask,"""
MAX_SPIKES = 0.1
"""unless more than this share of the frames do."""
MIN_PROMINENCE = 0.35
"""A systole descends from, and recovers, at least this share of the curve's range: atrial kicks and noise do not."""
SIGNAL_TO_NOISE = 3.5
"""The smooth curve's range over the noise's standard deviation: white noise alone reaches 3.3 at 15 frames/s, less at more."""
MIN_RELATIVE_RANGE = 0.03
"""A curve whose range is a smaller share of its median does not beat."""
STEEP_DIP, SHORT_DIP = 2.2, 0.7
"""A dip that falls faster than so many times the clip's other dips (median), and lasts less than this share of them, is a run of failed
masks, not a systole: in the demo clip the mask loses its basal half for seven frames, 3.3 times as fast and half as long as a systole."""
ES_LEVEL = 0.5
"""End-systoles lie in this lower share of the curve's range: a dip before a strong atrial kick does not."""
NEIGHBOURHOOD_S = 2.2
"""Seconds to either side over which that range is taken: a whole beat, however slow, and not more, since breathing moves the curve."""
ED_LEVEL = 0.90
"""End-diastole is the last peak before the descent that reaches this share of the way from end-systole to the diastolic maximum."""
R_WAVE_REACH_S = 0.15
"""End-diastole lies within this many seconds of the R wave (and within a quarter of the shortest R-R interval)."""
MIN_R_WAVE_FALL = 0.1
"""The curve falls by this share of its range after an R wave; where it does not, something else was taken for one (a tall T wave)."""
MAX_GAP_S = 0.5
"""Seconds without a mask to trust above which a beat cannot be called complete: a systole may hide in there, and its end-diastole."""
EDGE_ED_LEVEL = 0.93
"""A peak next to the clip's end is an end-diastole when it reaches this share of the height of the beat's other one,"""
LOWEST_EDGE_ED = 0.6
"""or this one, where the curve is seen to turn there: filling varies less from beat to beat, and a systole that is cut has ripples."""
LAST_FALL = 0.75
"""The clip's last peak turns where the curve falls to this share of its height: diastasis sinks a little, too."""

# Rhythm (function.py)
GUIDELINE_BEATS = 3
"""Beats to average in sinus rhythm (ASE/EACVI 2015; at least 5 in atrial fibrillation)."""
GUIDELINE_BEATS_IRREGULAR = 5
IRREGULAR_RR_SPREAD = 0.25
"""(longest - shortest) / median R-R interval above which the rhythm counts as irregular."""
INDEX_BEAT_DIFFERENCE_S = 0.060
"""Seconds by which the two intervals before an index beat may differ (Bunting KV et al., Heart 2020;106(Suppl 2):A43)."""
MIN_FRAME_RATE = 20.0
"""Frames per second below which ED and ES are missed at a resting heart rate."""
MIN_FRAMES_A_BEAT = 16.0
"""Frames a beat below which ED and ES are missed: 20 frames/s at 75 beats per minute; a faster heart needs more."""

# What a change of EF means (record/comparison.py)
EF_CHANGE = 10.0
"""Percentage points of EF by which two examinations of one heart by 2D echo may differ although nothing changed: "> 0.10 with 2D methods"
(Thavendiranathan P et al., J Am Coll Cardiol 2013;61:77-84)."""

# Masks (function.py, quality.py)
MIN_LENGTH, MIN_WIDTH = 0.72, 0.8
"""A mask has lost its base or apex when its long axis is below the first share of the clip's 90th percentile and its mean width (area over
length) still above the second. Of 3,840 true masks of simulated hearts 81 are as short, all at end-systole, none wider than 0.76."""
MIN_KEPT = 0.9
"""Share of a mask that its largest component should hold."""
MAX_FILLED = 0.1
"""Share of the cavity that may be holes."""
FRAGMENTED_FRAMES = 0.1
"""Share of frames with a fragmented or hollow mask that is worth a flag."""
AREA_JUMP = 0.25
"""Departure of one frame's area from the median of its neighbours, as a share of that median."""
EDGE_FRAMES = 0.1
"""Share of frames with the mask at the image's edge, or cut by the sector's, that is worth a flag."""
SECTOR_CONTACT = 0.08
"""Share of the mask's border on the sector's border above which a frame counts as cut: the two cross at one wall, not in a point."""
UPSIDE_DOWN = 1.3
"""Score of the best base at the top of the image over that of the best at the bottom (median of the end-diastolic frames) above which the
apex is shown at the bottom. Eight human masks of CAMUS: 0.26 to 0.49; stills of 40 simulated hearts: at most 0.46."""
LOW_IOU = 0.75
"""Median predicted IoU below which the segmentation is not trusted."""
NO_HEART_IOU = 0.65
"""Median predicted IoU below which nothing that the model found by itself is taken for a ventricle: a beating disc reaches 0.61 (0.73
with no sector around it). 40 stills of held-out patients of CAMUS have 0.81 or more; so have nine of ten fetal heads (HC18: 0.73 to 0.90,
median 0.88), so that no threshold tells these: what does not beat is told by its beats, what does need not be a heart."""
LOW_OBJECT_SCORE = 2.2
"""Median object score (a logit) below which the model is less than 90 % sure that there is a left ventricle at all."""
MIN_LONG_AXIS, MAX_LONG_AXIS = 15.0, 150.0
"""Millimetres between which a left ventricle's long axis at end-diastole lies, newborns and dilated hearts included: a spacing in cm, or of
another image, leaves them."""
MIN_EDV, MAX_EDV = 1.5, 550.0
"""Millilitres between which its volume lies: preterm newborns have about 2, the most dilated hearts about 500."""
MAX_SYSTOLE_S = 0.6
"""Seconds from end-diastole to end-systole above which either the frames are timed wrongly or a beat was missed: electromechanical
systole is 0.55 s less 2 ms a beat per minute (Weissler AM et al., Circulation 1968;37:149-59)."""
STATED_RATE_DIFFERENCE = 0.25
"""How far, as a share of the higher rate, every beat's rate may be from the heart rate that the file states."""
RESTING_RATE = 130.0
"""Beats per minute above which a rate that only the frame times tell is worth a look: a clock that is twice too fast makes 140 of 70, and
neither the length of systole nor the curve shows it. Our choice; adults at rest seldom reach it, children do."""
MAX_ANISOTROPY = 1.05
"""Longer over shorter side of a pixel above which it is worth saying that pixels are not square."""

# The view (results.py)
SURE_OF_VIEW = 0.9
"""Probability above which the view classifier's answer is used at all."""

# The two views of a study (biplane.py)
MAX_LENGTH_DIFFERENCE = 0.10
"""Difference of the two views' long axes at end-diastole, as a share of the longer, above which the shorter may be foreshortened."""
MAX_RATE_DIFFERENCE = 0.15
"""Difference of the two views' heart rates, as a share of the higher, above which their beats are hardly the same."""
