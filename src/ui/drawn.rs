//! What a drawing is called, by why it was drawn: nobody asked for most of those that one sees first.

use crate::app::DrawnFor;

/// On the strip.
pub fn name(why: DrawnFor) -> &'static str {
    match why {
        DrawnFor::Person => "your drawing",
        DrawnFor::FirstLook => "the shipped model",
        DrawnFor::Opening => "drawn on opening",
        DrawnFor::RunEnd => "drawn at the end",
    }
}

/// At the end of a rail, where there is less room.
pub fn short(why: DrawnFor) -> &'static str {
    match why {
        DrawnFor::Person => "your drawing",
        DrawnFor::FirstLook => "shipped model",
        DrawnFor::Opening => "on opening",
        DrawnFor::RunEnd => "at the end",
    }
}

/// At the beginning of what is saved of it.
pub fn sentence(why: DrawnFor) -> &'static str {
    match why {
        DrawnFor::Person => "Your drawing",
        DrawnFor::FirstLook => "The drawing by the shipped model",
        DrawnFor::Opening => "The drawing made on opening",
        DrawnFor::RunEnd => "The drawing at the end of the run",
    }
}

/// What it is, in plain words.
pub fn about(why: DrawnFor) -> &'static str {
    match why {
        DrawnFor::Person => {
            "What you had drawn last, with Record or in the Sample tab. It begins with noise of its own."
        }
        DrawnFor::FirstLook => {
            "Drawn by the model that ships with Diffuscope, so that there is something to see before anything was trained."
        }
        DrawnFor::Opening => {
            "Diffuscope drew it by itself as the model was opened, with the settings of the Sample tab, from noise of its own."
        }
        DrawnFor::RunEnd => {
            "Diffuscope drew it by itself as the run ended: what the trained model makes of noise of its own, with the \
             settings of the Sample tab."
        }
    }
}

/// Over a digit of it that stands beside the grid of a run, which is another.
pub fn beside_grid(why: DrawnFor) -> &'static str {
    match why {
        DrawnFor::Person => "Of your drawing: other noise than the grid's.",
        DrawnFor::FirstLook => "By the shipped model: other noise than the grid's.",
        DrawnFor::Opening => "Drawn on opening: other noise than the grid's.",
        DrawnFor::RunEnd => "Drawn at the end of the run: other noise than the grid's.",
    }
}
