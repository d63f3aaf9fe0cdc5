//! The learning rate over a run: a linear rise, a plateau, a linear fall to zero at the end of the budget.

use crate::config::TrainingSettings;

/// Share of the full learning rate for the step after `step` steps, with `progress` of the budget (0 to 1) spent.
pub fn learning_rate_share(settings: &TrainingSettings, step: u64, progress: f64) -> f64 {
    let rise = if settings.warmup_steps == 0 { 1.0 } else { (step + 1) as f64 / settings.warmup_steps as f64 };
    let fall = if settings.decay_fraction == 0.0 { 1.0 } else { (1.0 - progress) / settings.decay_fraction };
    rise.min(fall).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    #[test]
    fn rises_stays_and_falls() {
        let mut settings = Preset::Small.settings().training;
        (settings.warmup_steps, settings.decay_fraction) = (10, 0.5);
        let at = |step, progress| learning_rate_share(&settings, step, progress);
        assert_eq!(at(0, 0.0), 0.1);
        assert_eq!(at(9, 0.1), 1.0);
        assert_eq!(at(500, 0.5), 1.0);
        assert_eq!(at(750, 0.75), 0.5);
        assert_eq!(at(1000, 1.0), 0.0);
    }
}
