//! What a network can be asked: the images, and the number beside each of them.

/// What the number beside each image means, deepinv's `type_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeKind {
    /// A timestep, 0 to T − 1; the image is `x_t`, in about [-1, 1].
    Timestep,
    /// The standard deviation σ of the noise in an image of [0, 1]; the answer is the image without it.
    NoiseLevel,
}

/// What a network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inputs {
    /// Channels of the images.
    pub channels: usize,
    /// Least height and width, pixels.
    pub smallest_side: usize,
    /// What height and width must be multiples of.
    pub multiple: usize,
    /// Classes that it tells apart, counted with "not told", the last one; none if it knows no classes.
    pub classes: Option<usize>,
    /// Whether it works on 2×2 patches, in which others may give it images: four channels of half the size.
    pub in_patches: bool,
}
