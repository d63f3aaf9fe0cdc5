use super::*;
use crate::config::{Digits, Preset};

#[test]
fn presets_have_no_problems() {
    for preset in Preset::ALL {
        assert_eq!(preset.settings().problems(Some(60_000)), [], "{preset:?}");
    }
}

#[test]
fn each_bad_value_is_named() {
    type Spoil = fn(&mut Settings);
    let cases: [(Setting, Spoil); 20] = [
        (Setting::Timesteps, |s| s.diffusion.timesteps = 0),
        (Setting::BetaStart, |s| s.diffusion.beta_start = 0.3),
        (Setting::BetaEnd, |s| s.diffusion.beta_end = 1.0),
        (Setting::Subset, |s| s.data.subset = Subset::First(60_001)),
        (Setting::Digits, |s| s.data.digits = Digits::of(&[]).unwrap()),
        (Setting::BatchSize, |s| s.training.batch_size = 0),
        (Setting::LearningRate, |s| s.training.learning_rate = f64::NAN),
        (Setting::MuonLearningRate, |s| s.training.muon_learning_rate = 0.0),
        (Setting::MuonMomentum, |s| s.training.muon_momentum = 1.0),
        (Setting::TimestepMean, |s| s.training.logit_normal.mean = f64::NAN),
        (Setting::TimestepUniform, |s| s.training.logit_normal.uniform_share = 1.1),
        (Setting::TimestepDeviation, |s| s.training.logit_normal.deviation = 0.0),
        (Setting::Epochs, |s| s.training.budget = Budget::Epochs(0)),
        (Setting::Beta1, |s| s.training.beta1 = 1.0),
        (Setting::Beta2, |s| s.training.beta2 = f64::NAN),
        (Setting::Classes, |s| s.network.classes = true),
        (Setting::HeldOut, |s| s.data.held_out = usize::MAX),
        (Setting::Preview, |s| s.training.preview_seconds = 1e300),
        (Setting::Preview, |s| s.training.preview_seconds = 1e19),
        (Setting::Preview, |s| s.training.preview_seconds = -1.0),
    ];
    for (setting, spoil) in cases {
        let mut settings = Preset::Seed.settings();
        spoil(&mut settings);
        let found = settings.problems(Some(60_000));
        assert!(found.iter().any(|p| p.setting == setting), "{setting:?} not in {found:?}");
    }
}

/// The size of its images was divided by 2⁶³, and by 2⁶⁴, which is more than a shift can do.
#[test]
fn a_network_of_too_many_levels_is_refused_before_they_are_halved() {
    for levels in [9, 64, 65, 66, 1000] {
        let mut settings = Preset::Base.settings();
        let Architecture::UNet(config) = &mut settings.network.architecture else { panic!("base is a U-Net") };
        (config.block_out_channels, config.attention) = (vec![64; levels], vec![false; levels]);
        let found = settings.problems(None);
        assert!(matches!(&found[..], [one] if one.setting == Setting::Network), "{levels}: {found:?}");
    }
}

#[test]
fn numbers_of_a_network_that_no_network_has_are_named() {
    type Spoil = fn(&mut crate::config::UNetConfig);
    let cases: [Spoil; 8] = [
        |config| config.norm_eps = -1.0,
        |config| config.norm_eps = 1e300,
        |config| config.dropout = 1.0,
        |config| config.dropout = f64::NAN,
        |config| config.attention_head_dim = usize::MAX,
        |config| config.patch_size = usize::MAX,
        |config| config.patch_size = 0,
        |config| config.layers_per_block = usize::MAX,
    ];
    for (i, spoil) in cases.into_iter().enumerate() {
        let mut settings = Preset::Base.settings();
        let Architecture::UNet(config) = &mut settings.network.architecture else { panic!("base is a U-Net") };
        spoil(config);
        let found = settings.problems(None);
        assert!(found.iter().any(|problem| problem.setting == Setting::Network), "{i}: {found:?}");
        assert!(settings.unbuildable().is_some(), "{i}");
    }
}

#[test]
fn what_a_model_cannot_be_drawn_with_is_named_and_does_not_keep_it_from_training() {
    type Spoil = fn(&mut Settings);
    let cases: [(Setting, &str, Spoil); 7] = [
        (Setting::SampleSteps, "use 1 to T = 1000", |s| s.sampling.steps = 1001),
        (Setting::SampleSteps, "use 1 to T = 10", |s| s.diffusion.timesteps = 10),
        (Setting::SampleCount, "use 1 to 256", |s| s.sampling.count = 257),
        (Setting::SampleCount, "use 1 to 256", |s| s.sampling.count = 0),
        (Setting::Guidance, "use 0 to 20", |s| s.sampling.guidance = -1.0),
        (Setting::Class, "it learned 1, 7", |s| {
            s.data.digits = Digits::of(&[1, 7]).unwrap();
            s.sampling.classes = ClassChoice::Only(3);
        }),
        (Setting::Class, "ask for no single digit", |s| {
            s.network.classes = false;
            s.sampling.classes = ClassChoice::Only(3);
        }),
    ];
    for (setting, hint, spoil) in cases {
        let mut settings = Preset::Small.settings();
        assert_eq!(settings.sampling_problems(MAX_RECORDED), []);
        spoil(&mut settings);
        let found = settings.sampling_problems(MAX_RECORDED);
        assert!(matches!(&found[..], [one] if one.setting == setting && one.hint == hint), "{found:?}");
        assert_eq!(settings.problems(Some(60_000)), [], "{setting:?} belongs to drawing");
    }
}
