//! The diffusion method: schedule, forward process, conversions and samplers.
