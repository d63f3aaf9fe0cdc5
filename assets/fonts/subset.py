"""Makes the small fonts of this folder. Usage: subset.py INTER_FOLDER PHOSPHOR_WEB_FOLDER (needs fonttools)."""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

TEXT = (
    [chr(c) for c in range(0x20, 0x7F)]
    + [chr(c) for c in range(0xA0, 0x100)]
    + list("αβγδεζηθλμπρστφψωΔΣᾱ₀₁₂₃₄₅₆₇₈₉ₜ⁰⁴⁵⁶⁷⁸⁹⁺⁻←→↑↓↺−≤≥≈∞√∂‖…№–—‘’“”•●ˆ⌘")
)
FILLED = {"play": 0xE3D0, "pause": 0xE39E, "stop": 0xE46C, "skip-forward": 0xE5A6, "skip-back": 0xE5A4, "moon": 0xE330}
BOLD = {
    "caret-left": 0xE138, "caret-right": 0xE13A, "caret-down": 0xE136, "sun": 0xE472, "download-simple": 0xE20C,
    "x": 0xE4F6, "warning": 0xE4E0, "check-circle": 0xE184, "info": 0xE2CE,
    "dice-five": 0xE1EE, "sidebar-simple": 0xEC24,
}


def cut(source, target, code_points):
    options = subset.Options(layout_features=["kern"], name_IDs=[0, 1, 2, 13, 14], notdef_outline=True, hinting=False)
    font = TTFont(source)
    freeze(font, "tnum", range(ord("0"), ord("9") + 1))
    freeze(font, "cv11", [ord(c) for c in TEXT])
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=code_points)
    subsetter.subset(font)
    set_left_bearings(font)
    font.save(target)


def set_left_bearings(font):
    """Phosphor's table says 0 for every glyph, which renderers that follow it shift to the left edge."""
    for name in font["glyf"].keys() if "glyf" in font else []:
        glyph = font["glyf"][name]
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (font["hmtx"][name][0], glyph.xMin)


def freeze(font, feature, code_points):
    """Gives characters the glyphs that a feature would choose (`tnum` tabular figures, `cv11` the a of one storey)."""
    if "GSUB" not in font:
        return
    table = font["GSUB"].table
    lookups = {i for f in table.FeatureList.FeatureRecord if f.FeatureTag == feature for i in f.Feature.LookupListIndex}
    mapping = {}
    for index in lookups:
        for part in table.LookupList.Lookup[index].SubTable:
            mapping.update(getattr(part, "ExtSubTable", part).mapping)
    for cmap in font["cmap"].tables:
        for code_point in code_points:
            if code_point in cmap.cmap:
                cmap.cmap[code_point] = mapping.get(cmap.cmap[code_point], cmap.cmap[code_point])


inter, phosphor = map(Path, sys.argv[1:])
here = Path(__file__).parent
for weight in ("Regular", "SemiBold"):
    cut(inter / f"Inter-{weight}.otf", here / f"Inter-{weight}-subset.otf", [ord(c) for c in TEXT])
cut(phosphor / "src/fill/Phosphor-Fill.ttf", here / "Phosphor-Fill-subset.ttf", FILLED.values())
cut(phosphor / "src/bold/Phosphor-Bold.ttf", here / "Phosphor-Bold-subset.ttf", BOLD.values())
