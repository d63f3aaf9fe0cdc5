//! How images are asked for, and how the request is fitted to the model that draws them.

use clap::Args;

use super::super::value::{self, Interval};
use crate::config::{
    ClassChoice, MAX_SAMPLES, MAX_TIMESTEPS, Preset, Problem, SamplerKind, SamplingSettings, Setting, Settings,
    Thresholding, WeightsKind,
};
use crate::error::{Error, Result};

/// What was typed; what is `None` keeps the value that the model was recorded with.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct SampleRequest {
    /// Images to draw
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = value::count)]
    pub count: Option<usize>,

    /// How the noise is removed; the model's own if left out
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::SAMPLERS))]
    pub sampler: Option<SamplerKind>,

    /// Network calls an image, for all samplers but ddpm
    #[arg(long, value_name = "K", allow_hyphen_values = true, value_parser = value::count)]
    pub steps: Option<usize>,

    /// Noise added on the way, 0 to 1; chooses ddim
    #[arg(long, value_name = "E", allow_hyphen_values = true, value_parser = value::real)]
    pub eta: Option<f64>,

    /// The digit to draw, 0 to 9, or each in turn
    #[arg(long, value_name = "0..9|each", allow_hyphen_values = true, value_parser = value::class)]
    pub class: Option<ClassChoice>,

    /// How strongly the digit is insisted on, 0 to 20
    #[arg(long, value_name = "W", allow_hyphen_values = true, value_parser = value::real)]
    pub guidance: Option<f64>,

    /// The noise levels σ between which the digit is insisted on; at all of them if left out
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true, value_parser = value::interval)]
    pub guidance_interval: Option<Interval>,

    /// How the network's guess is brought into the range of pixels at each step
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::THRESHOLDINGS))]
    pub threshold: Option<Thresholding>,

    /// Which weights draw
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::WEIGHTS))]
    pub weights: Option<WeightsKind>,

    /// Where the noise comes from: the same seed gives the same images
    #[arg(long, value_name = "S", allow_hyphen_values = true, value_parser = value::whole)]
    pub seed: Option<u64>,
}

impl SampleRequest {
    /// Judges what can be judged before the model is known.
    pub(in crate::cli) fn check(&self) -> Result<()> {
        let mut model = Preset::Small.settings();
        model.diffusion.timesteps = MAX_TIMESTEPS;
        self.placed_in(model).map(drop)
    }

    /// The settings with which the model `model` draws.
    ///
    /// # Errors
    /// Values out of range, more steps than the model has timesteps, a step count for DDPM, which takes them all,
    /// and classes asked of a model that knows none.
    pub fn settings(&self, model: &Settings) -> Result<SamplingSettings> {
        let mut sampling = self.placed_in(model.clone())?.sampling;
        let timesteps = model.diffusion.timesteps;
        let refuse = |setting, what: String, hint: String| Err(Error::Setting(Problem { setting, what, hint }));
        match self.steps {
            Some(steps) if sampling.sampler == SamplerKind::Ddpm && steps != timesteps => {
                return refuse(
                    Setting::SampleSteps,
                    format!("ddpm takes all {timesteps} steps"),
                    "leave --steps out, or add --sampler ddim --eta 1".into(),
                );
            }
            _ => {}
        }
        if !model.network.classes {
            if self.guidance.is_some_and(|guidance| guidance != 0.0) {
                let hint = "leave --guidance out, or use a model trained with --classes on";
                return refuse(Setting::Guidance, "the model does not know classes".into(), hint.into());
            }
            sampling.guidance = 0.0;
        }
        let all = sampling.sampler == SamplerKind::Ddpm;
        sampling.steps = if all { timesteps } else { sampling.steps.min(timesteps) };
        Ok(sampling)
    }

    fn placed_in(&self, mut model: Settings) -> Result<Settings> {
        let sampling = &mut model.sampling;
        let before = sampling.sampler;
        sampling.sampler = self.sampler(before)?;
        sampling.steps = self.steps.unwrap_or_else(|| {
            let usual =
                if sampling.sampler == before { sampling.steps } else { usual_steps(sampling.sampler, sampling.steps) };
            usual.min(model.diffusion.timesteps)
        });
        sampling.count = self.count.unwrap_or(sampling.count);
        sampling.eta = self.eta.unwrap_or(sampling.eta);
        sampling.classes = self.class.unwrap_or(sampling.classes);
        sampling.guidance = self.guidance.unwrap_or(sampling.guidance);
        sampling.guidance_interval = self.guidance_interval.map(|interval| interval.0).or(sampling.guidance_interval);
        sampling.thresholding = self.threshold.unwrap_or(sampling.thresholding);
        sampling.weights = self.weights.unwrap_or(sampling.weights);
        sampling.seed = self.seed.unwrap_or(sampling.seed);
        // The model's other settings are as they are: a foreign model may have sizes that no preset has.
        let problem = model.sampling_problems(MAX_SAMPLES).into_iter().next();
        problem.map_or(Ok(model), |problem| Err(Error::Setting(problem)))
    }

    /// η belongs to DDIM alone: typing it chooses that sampler.
    fn sampler(&self, before: SamplerKind) -> Result<SamplerKind> {
        match (self.eta, self.sampler) {
            (None, typed) => Ok(typed.unwrap_or(before)),
            (Some(_), None | Some(SamplerKind::Ddim)) => Ok(SamplerKind::Ddim),
            (Some(_), Some(_)) => {
                Err(Error::usage("--eta belongs to the sampler ddim", "leave --eta out, or use --sampler ddim"))
            }
        }
    }
}

/// The steps of a sampler that the model was not recorded with.
fn usual_steps(sampler: SamplerKind, recorded: usize) -> usize {
    match sampler {
        SamplerKind::Ddpm => recorded,
        SamplerKind::Ddim => 50,
        SamplerKind::DpmPp => 16,
        SamplerKind::Heun => 16,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cli::{Plan, plan_of};

    fn request(flags: &str) -> Result<SampleRequest> {
        match plan_of(&format!("sample --out x.png {flags}"))? {
            Plan::Sample(plan) => Ok(plan.request),
            other => panic!("not a sampling: {other:?}"),
        }
    }

    fn drawn(flags: &str, model: Preset) -> Result<SamplingSettings> {
        request(flags)?.settings(&model.settings())
    }

    #[rstest]
    #[case("--count 10", |s: &mut SamplingSettings| s.count = 10)]
    #[case("--sampler ddpm", |s: &mut SamplingSettings| (s.sampler, s.steps) = (SamplerKind::Ddpm, 1000))]
    #[case("--sampler dpmpp", |s: &mut SamplingSettings| (s.sampler, s.steps) = (SamplerKind::DpmPp, 16))]
    #[case("--sampler ddim --steps 20", |s: &mut SamplingSettings| s.steps = 20)]
    #[case("--sampler ddpm --steps 1000", |s: &mut SamplingSettings| (s.sampler, s.steps) = (SamplerKind::Ddpm, 1000))]
    #[case("--eta 0.5", |s: &mut SamplingSettings| s.eta = 0.5)]
    #[case("--sampler heun", |s: &mut SamplingSettings| (s.sampler, s.steps) = (SamplerKind::Heun, 16))]
    #[case("--threshold dynamic", |s: &mut SamplingSettings| s.thresholding = Thresholding::Dynamic)]
    #[case("--guidance-interval 0.2,3", |s: &mut SamplingSettings| s.guidance_interval = Some([0.2, 3.0]))]
    #[case("--class 7", |s: &mut SamplingSettings| s.classes = ClassChoice::Only(7))]
    #[case("--class each", |s: &mut SamplingSettings| s.classes = ClassChoice::Each)]
    #[case("--guidance 2.5", |s: &mut SamplingSettings| s.guidance = 2.5)]
    #[case("--weights raw", |s: &mut SamplingSettings| s.weights = WeightsKind::Raw)]
    #[case("--weights ema", |s: &mut SamplingSettings| s.weights = WeightsKind::Ema)]
    #[case("--seed 8", |s: &mut SamplingSettings| s.seed = 8)]
    fn a_flag_changes_its_setting_and_no_other(#[case] flags: &str, #[case] change: fn(&mut SamplingSettings)) {
        let mut expected = Preset::Small.settings().sampling;
        change(&mut expected);
        assert_eq!(drawn(flags, Preset::Small).unwrap(), expected);
    }

    #[test]
    fn a_model_with_few_timesteps_is_drawn_in_as_many_steps() {
        let mut model = Preset::Small.settings();
        model.diffusion.timesteps = 10;
        assert_eq!(SampleRequest::default().settings(&model).unwrap().steps, 10);
    }

    #[rstest]
    #[case("--count 0", "--count: 0 images", "use 1 to 100000")]
    #[case("--count -3", "--count: \"-3\" is not a whole number", "use digits only, such as 1000")]
    #[case("--steps 0", "--steps: 0 sampling steps", "use 1 to T = 4000")]
    #[case("--eta 2", "--eta: η = 2", "use 0 to 1")]
    #[case("--eta 1 --sampler dpmpp", "--eta belongs to the sampler ddim", "leave --eta out, or use --sampler ddim")]
    #[case("--class 10", "--class: class 10", "use 0 to 9, or each")]
    #[case("--class one", "--class: \"one\" is not a digit", "use 0 to 9, or each")]
    #[case("--guidance -1", "--guidance: guidance -1", "use 0 to 20")]
    #[case("--weights best", "--weights: \"best\" is not one of its values", "use ema, raw")]
    #[case("--sampler euler", "--sampler: \"euler\" is not one of its values", "use ddpm, ddim, dpmpp, heun")]
    #[case("--threshold hard", "--threshold: \"hard\" is not one of its values", "use none, static, dynamic")]
    #[case(
        "--guidance-interval 3,0.2",
        "--guidance-interval: noise levels from 3 to 0.2",
        "use two numbers from 0 up, the smaller first, such as 0.2,3"
    )]
    #[case(
        "--guidance-interval 3",
        "--guidance-interval: \"3\" is not two numbers",
        "write them with a comma between, such as 0.2,3"
    )]
    fn a_value_that_no_model_takes_is_refused_at_once(#[case] flags: &str, #[case] what: &str, #[case] hint: &str) {
        let error = request(flags).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint().as_str()), (what, hint));
        assert_eq!(error.exit_code(), 2);
    }

    #[rstest]
    #[case("--steps 1001", Preset::Small, "--steps: 1001 steps, the model has 1000 timesteps")]
    #[case("--sampler ddpm --steps 50", Preset::Small, "--steps: ddpm takes all 1000 steps")]
    #[case("--steps 50", Preset::Seed, "--steps: ddpm takes all 1000 steps")]
    #[case("--class 3", Preset::Seed, "--class: the model does not know classes")]
    #[case("--guidance 1", Preset::Seed, "--guidance: the model does not know classes")]
    fn a_value_that_this_model_does_not_take_is_refused(
        #[case] flags: &str,
        #[case] model: Preset,
        #[case] what: &str,
    ) {
        let error = drawn(flags, model).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit_code()), (what, 2));
    }
}
