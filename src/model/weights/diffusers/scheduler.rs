//! `scheduler/scheduler_config.json` as the schedule, and the sampler that it stands for.

use serde_json::Value;

use super::fields::Fields;
use crate::Result;
use crate::config::{DiffusionSettings, MAX_TIMESTEPS, Prediction, SamplerKind, ScheduleKind, Settings, WeightsKind};
use crate::diffusion::Schedule;

/// Steps of the samplers that need not take them all.
const DDIM_STEPS: usize = 50;
const DPM_SOLVER_STEPS: usize = 20;

/// The schedule of diffusers' schedulers where nothing else is said.
const DEFAULT: DiffusionSettings = DiffusionSettings {
    timesteps: 1000,
    schedule: ScheduleKind::Linear,
    beta_start: 1e-4,
    beta_end: 0.02,
    prediction: Prediction::Eps,
};

/// Puts the schedule of a network without one into `settings`.
pub fn assume_default(settings: &mut Settings) {
    settings.diffusion = DEFAULT;
    set_sampler(settings, SamplerKind::Ddpm);
}

/// Puts the schedule into `settings`. What changes how a picture looks and cannot be had here is refused.
pub fn read(fields: &Fields, settings: &mut Settings, notices: &mut Vec<String>) -> Result<()> {
    let class = fields.text("_class_name")?;
    let sampler = match class.as_str() {
        "DDPMScheduler" => SamplerKind::Ddpm,
        "DDIMScheduler" => SamplerKind::Ddim,
        "DPMSolverMultistepScheduler" => SamplerKind::DpmPp,
        _ => {
            let hint = "here it can be DDPMScheduler, DDIMScheduler or DPMSolverMultistepScheduler";
            return Err(fields.refuse("_class_name", &class, hint));
        }
    };
    fields.only("trained_betas", Value::Null)?;
    fields.only("rescale_betas_zero_snr", false)?;
    fields.only("thresholding", false)?;
    let schedule = match fields.one_of("beta_schedule", &["linear".into(), "squaredcos_cap_v2".into()])?.as_str() {
        Some("linear") => ScheduleKind::Linear,
        _ => ScheduleKind::Cosine,
    };
    let prediction = match fields.one_of("prediction_type", &["epsilon".into(), "v_prediction".into()])?.as_str() {
        Some("epsilon") => Prediction::Eps,
        _ => Prediction::V,
    };
    if sampler == SamplerKind::Ddpm {
        fields.one_of("variance_type", &["fixed_small".into(), "fixed_small_log".into()])?;
    }
    if fields.flag("clip_sample", true)? {
        fields.only("clip_sample_range", 1.0)?;
    } else {
        notices.push("its scheduler does not clip images; here they are kept within [-1, 1]".into());
    }
    settings.diffusion = DiffusionSettings {
        timesteps: fields.count("num_train_timesteps", MAX_TIMESTEPS)?.unwrap_or(DEFAULT.timesteps),
        schedule,
        beta_start: fields.number("beta_start", DEFAULT.beta_start)?,
        beta_end: fields.number("beta_end", DEFAULT.beta_end)?,
        prediction,
    };
    if let Err(error) = Schedule::from_settings(&settings.diffusion) {
        return Err(fields.refuse("beta_start, beta_end, num_train_timesteps", &error, &error.hint()));
    }
    set_sampler(settings, sampler);
    Ok(())
}

fn set_sampler(settings: &mut Settings, sampler: SamplerKind) {
    let timesteps = settings.diffusion.timesteps;
    settings.sampling.sampler = sampler;
    settings.sampling.weights = WeightsKind::Ema;
    settings.sampling.steps = match sampler {
        SamplerKind::Ddpm => timesteps,
        SamplerKind::Ddim => DDIM_STEPS.min(timesteps),
        SamplerKind::DpmPp | SamplerKind::Heun => DPM_SOLVER_STEPS.min(timesteps),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    fn scheduler(json: &str) -> Result<(Settings, Vec<String>)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), json).unwrap();
        let (mut settings, mut notices) = (Preset::Base.settings(), Vec::new());
        read(&Fields::read(file.path())?, &mut settings, &mut notices)?;
        Ok((settings, notices))
    }

    #[test]
    fn its_own_schedule_is_taken() {
        let json = r#"{"_class_name": "DDIMScheduler", "num_train_timesteps": 400, "beta_schedule": "squaredcos_cap_v2",
                       "prediction_type": "v_prediction", "trained_betas": null}"#;
        let (settings, notices) = scheduler(json).unwrap();
        let diffusion = settings.diffusion;
        assert_eq!((diffusion.timesteps, diffusion.schedule), (400, ScheduleKind::Cosine));
        assert_eq!((diffusion.prediction, settings.sampling.sampler), (Prediction::V, SamplerKind::Ddim));
        assert_eq!((settings.sampling.steps, notices.len()), (50, 0));
        let json = r#"{"_class_name": "DDPMScheduler", "beta_end": 0.1, "clip_sample": false}"#;
        let (settings, notices) = scheduler(json).unwrap();
        let expected = DiffusionSettings { beta_end: 0.1, ..DEFAULT };
        assert_eq!((settings.diffusion, settings.sampling.steps), (expected, 1000));
        assert!(notices[0].contains("clip"), "{notices:?}");
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name_and_value() {
        for (fields, what) in [
            (r#""beta_schedule": "sigmoid""#, r#"beta_schedule = "sigmoid" is not supported"#),
            (r#""prediction_type": "sample""#, r#"prediction_type = "sample" is not supported"#),
            (r#""trained_betas": [0.1, 0.2]"#, "trained_betas = [0.1,0.2] is not supported"),
            (r#""variance_type": "learned""#, r#"variance_type = "learned" is not supported"#),
            (r#""rescale_betas_zero_snr": true"#, "rescale_betas_zero_snr = true is not supported"),
            (r#""num_train_timesteps": 100000"#, "num_train_timesteps = 100000 is not supported"),
            (r#""num_train_timesteps": "many""#, r#"num_train_timesteps = "many" is not supported"#),
            (r#""beta_end": 3"#, "is not supported"),
            (r#""clip_sample_range": 2.0"#, "clip_sample_range = 2.0 is not supported"),
        ] {
            let error = scheduler(&format!(r#"{{"_class_name": "DDPMScheduler", {fields}}}"#)).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert!(!error.hint().is_empty());
        }
        let error = scheduler(r#"{"_class_name": "EulerDiscreteScheduler"}"#).unwrap_err();
        assert!(error.to_string().contains("EulerDiscreteScheduler"), "{error}");
    }
}
