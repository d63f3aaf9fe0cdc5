//! Whether the settings in a file, which may be anybody's, can be worked with at all.

use super::{MAX_IMAGE_SIZE, Setting, Settings};

impl Settings {
    /// Why no network or no schedule can be built from them; none if they can.
    pub fn unbuildable(&self) -> Option<String> {
        let size = self.data.image_size;
        if !(16..=MAX_IMAGE_SIZE).contains(&size) || !size.is_multiple_of(4) {
            return Some(format!("images of {size} pixels"));
        }
        let built_from = |setting| {
            let schedule = matches!(setting, Setting::Timesteps | Setting::BetaStart | Setting::BetaEnd);
            schedule || matches!(setting, Setting::Network | Setting::Classes)
        };
        let problems = self.problems(None);
        problems.iter().find(|problem| built_from(problem.setting)).map(ToString::to_string)
    }
}
