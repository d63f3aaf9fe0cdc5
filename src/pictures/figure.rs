//! SVG figures as PNG files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{self, FaceInfo, ID, Language, Source, Stretch, Style, Weight};
use resvg::usvg::{Options, Tree};

use super::encode::png_to_io;
use super::provenance::{KEYWORD, Provenance};
use crate::files::write_atomically;
use crate::{Error, fonts};

/// Pixels for each unit of the SVG: sharp on dense screens and on paper.
const SCALE: f32 = 2.0;
/// The family of the text.
const FAMILY: &str = "Inter";
/// The end of the block Latin Extended-B: what is beyond it may not be in the program's font.
const LAST_LATIN: char = '\u{24f}';

/// Writes an SVG figure as a PNG on white, two pixels a unit, whole or not at all; with what the figure is of, where
/// that is known. Text is drawn in the program's own font, so the same figure gives the same bytes on every machine;
/// letters of other scripts than Latin, as a run's name may have, are drawn in the fonts of the desktop.
///
/// # Errors
/// When the SVG is none or has no size, and when the file cannot be written.
pub fn write_figure(path: &Path, svg: &str, provenance: Option<&Provenance>) -> crate::Result<()> {
    let bytes = drawn(svg).and_then(|figure| png(&figure, provenance)).map_err(Error::write(path))?;
    write_atomically(path, |file| file.write_all(&bytes))
}

fn drawn(svg: &str) -> io::Result<Pixmap> {
    let mut fonts = fontdb::Database::new();
    fonts.push_face_info(text_face());
    fonts.set_sans_serif_family(FAMILY);
    if svg.chars().any(|letter| letter > LAST_LATIN) {
        fonts.load_system_fonts();
    }
    let options = Options { fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(io::Error::other)?;
    let size = tree.size().to_int_size().scale_by(SCALE).and_then(|size| Pixmap::new(size.width(), size.height()));
    let mut pixels = size.ok_or_else(|| io::Error::other("a figure without size"))?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    Ok(pixels)
}

/// The font of text. Its subset has no names, so it is told what it is called here.
fn text_face() -> FaceInfo {
    FaceInfo {
        id: ID::dummy(),
        source: Source::Binary(Arc::new(fonts::TEXT)),
        index: 0,
        families: vec![(FAMILY.into(), Language::English_UnitedStates)],
        post_script_name: String::new(),
        style: Style::Normal,
        weight: Weight::NORMAL,
        stretch: Stretch::Normal,
        monospaced: false,
    }
}

fn png(figure: &Pixmap, provenance: Option<&Provenance>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, figure.width(), figure.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    if let Some(provenance) = provenance {
        encoder.add_itxt_chunk(KEYWORD.into(), provenance.to_text()?).map_err(png_to_io)?;
    }
    let mut writer = encoder.write_header().map_err(png_to_io)?;
    let opaque: Vec<u8> = figure.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    writer.write_image_data(&opaque).map_err(png_to_io)?;
    writer.finish().map_err(png_to_io)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 30" width="60" height="30" font-family="sans-serif" font-size="20">
<path d="M0 5H60" stroke="#1f6feb" stroke-width="2"/>
<text x="2" y="28">0.1</text>
</svg>"##;

    #[test]
    fn a_figure_is_twice_its_size_with_its_colours_its_text_and_what_it_is_of() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["a.png", "b.png"].map(|name| folder.path().join(name));
        let settings = Preset::Small.settings();
        let provenance = Provenance::new(&settings, &settings.sampling, "first".into(), 1240);
        for path in [&one, &other] {
            write_figure(path, SVG, Some(&provenance)).unwrap();
        }
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
        assert_eq!(Provenance::read(&one).unwrap(), Some(provenance));

        let read = image::open(&one).unwrap().into_rgb8();
        assert_eq!(read.dimensions(), (120, 60));
        assert_eq!(read.get_pixel(60, 10).0, [0x1f, 0x6f, 0xeb]);
        assert_eq!(read.get_pixel(118, 30).0, [255; 3]);
        let ink = |x: std::ops::Range<u32>| x.flat_map(|x| (24..58).map(move |y| (x, y)));
        let dark = ink(0..70).filter(|&(x, y)| read.get_pixel(x, y).0[0] < 64).count();
        assert!(dark > 100, "the text is drawn with the program's font: {dark} dark pixels");
    }

    #[test]
    fn what_is_no_figure_is_refused_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        assert!(write_figure(&path, "a loss of 0.1", None).is_err());
        assert!(!path.exists());
    }
}
