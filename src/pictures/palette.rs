//! PNG files whose palette the decoder cannot be given.

use std::io::BufReader;
use std::path::Path;

use png::{ColorType, Decoder, Limits};

use crate::files::open_regular;

/// Most memory for what stands before the pixels.
const MAX_BEFORE_PIXELS: usize = 256 << 20;
const MAX_COLOURS: usize = 256;

/// False of a PNG file whose pixels are numbers of a palette that is not 1 to 256 whole colours: png 0.18.1 panics when
/// it decodes one. True of others, also of those that are no PNG or are damaged elsewhere, as the decoder refuses them.
pub fn is_sound(path: &Path) -> bool {
    let Ok(file) = open_regular(path) else { return true };
    let mut decoder = Decoder::new_with_limits(BufReader::new(file), Limits { bytes: MAX_BEFORE_PIXELS });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let Ok(reader) = decoder.read_info() else { return true };
    let info = reader.info();
    let whole = |palette: &[u8]| palette.len().is_multiple_of(3) && (1..=MAX_COLOURS).contains(&(palette.len() / 3));
    info.color_type != ColorType::Indexed || info.palette.as_deref().is_some_and(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the fuzzer: palettes that are cut off in a colour, or have more than 256.
    #[test]
    fn a_palette_of_broken_or_too_many_colours_is_seen_before_the_decoder_panics() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let write = |bytes: usize| {
            let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), 1, 1);
            encoder.set_color(ColorType::Indexed);
            encoder.set_palette(vec![7; bytes]);
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(&[0]).unwrap();
        };
        for bytes in 1..800 {
            write(bytes);
            let whole = bytes % 3 == 0 && bytes <= 3 * MAX_COLOURS;
            let decoded = is_sound(&path).then(|| image::open(&path).is_ok());
            assert_eq!(decoded.unwrap_or_default(), whole, "{bytes} bytes");
        }
        write(49);
        assert!(!is_sound(&path));
        std::fs::write(&path, "no picture").unwrap();
        assert!(is_sound(&path));
    }
}
