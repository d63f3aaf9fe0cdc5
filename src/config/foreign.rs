//! Whether the settings in a file, which may be anybody's, can be worked with at all.

use super::{MAX_IMAGE_SIZE, Setting, Settings};

impl Settings {
    /// Why no model can have them; none if one can. The images of a network that others trained may have another size
    /// than those that are trained on here.
    pub fn unbuildable(&self) -> Option<String> {
        let size = self.data.image_size;
        if !(16..=MAX_IMAGE_SIZE).contains(&size) || !size.is_multiple_of(4) {
            return Some(format!("images of {size} pixels"));
        }
        let problems = self.problems(None);
        problems.iter().find(|problem| problem.setting != Setting::ImageSize).map(ToString::to_string)
    }
}
