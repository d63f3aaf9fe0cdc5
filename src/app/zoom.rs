//! How large everything is drawn, beside the scale that the desktop asks for.

use serde::{Deserialize, Serialize};

/// The steps, as browsers have them, in percent.
const STEPS: [u16; 13] = [50, 67, 75, 80, 90, 100, 110, 125, 150, 175, 200, 250, 300];

/// One of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u16", into = "u16")]
pub struct Zoom(u16);

impl Default for Zoom {
    fn default() -> Self {
        Self(100)
    }
}

impl Zoom {
    /// 1 is the desktop's own size.
    pub fn factor(self) -> f32 {
        f32::from(self.0) / 100.0
    }

    /// The next step up; none at the last.
    pub fn larger(self) -> Option<Self> {
        STEPS.into_iter().find(|step| *step > self.0).map(Self)
    }

    /// The next step down; none at the first.
    pub fn smaller(self) -> Option<Self> {
        STEPS.into_iter().rev().find(|step| *step < self.0).map(Self)
    }
}

/// The nearest step, as what was kept from another start may be anything.
impl From<u16> for Zoom {
    fn from(percent: u16) -> Self {
        STEPS.into_iter().min_by_key(|step| step.abs_diff(percent)).map_or_else(Self::default, Self)
    }
}

impl From<Zoom> for u16 {
    fn from(zoom: Zoom) -> Self {
        zoom.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_from_step_to_step_and_ends_at_both_ends() {
        let mut zoom = Zoom::default();
        while let Some(larger) = zoom.larger() {
            assert_eq!(larger.smaller(), Some(zoom));
            zoom = larger;
        }
        assert_eq!(zoom.factor(), 3.0);
        while let Some(smaller) = zoom.smaller() {
            zoom = smaller;
        }
        assert_eq!(zoom.factor(), 0.5);
        assert_eq!([0, 99, 130, u16::MAX].map(|percent| Zoom::from(percent).0), [50, 100, 125, 300]);
    }
}
