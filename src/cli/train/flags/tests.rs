//! Every flag reaches its setting; every value that cannot work is refused with its name.

use rstest::rstest;

use crate::cli::train::Start;
use crate::cli::{Plan, plan_of};
use crate::config::{Budget, DataSource, Digits, OptimizerKind, Prediction, Preset, ScheduleKind, Settings, Subset};

fn typed(flags: &str) -> crate::Result<Start> {
    match plan_of(&format!("train --out r {flags}"))? {
        Plan::Train(plan) => Ok(plan.start),
        other => panic!("not a training: {other:?}"),
    }
}

fn settings(flags: &str) -> Settings {
    match typed(flags).unwrap() {
        Start::New(settings) => *settings,
        Start::Resume(_) => panic!("{flags} resumes"),
    }
}

fn resumed(flags: &str, recorded: &Settings) -> crate::Result<Settings> {
    match typed(&format!("--resume {flags}"))? {
        Start::Resume(flags) => flags.resumed(recorded),
        Start::New(_) => panic!("{flags} does not resume"),
    }
}

#[rstest]
#[case("--data images", |s: &mut Settings| s.data.source = DataSource::Path(std::path::absolute("images").unwrap()))]
#[case("--data mnist", |s: &mut Settings| s.data.source = DataSource::Mnist)]
#[case("--subset 1000", |s: &mut Settings| s.data.subset = Subset::First(1000))]
#[case("--subset 1000 --shuffle-subset", |s: &mut Settings| s.data.subset = Subset::Shuffled(1000))]
#[case("--subset all", |s: &mut Settings| s.data.subset = Subset::All)]
#[case("--digits 3,7", |s: &mut Settings| s.data.digits = Digits::of(&[3, 7]).unwrap())]
#[case("--image-size 32", |s: &mut Settings| s.data.image_size = 32)]
#[case("--timesteps 100", |s: &mut Settings| s.diffusion.timesteps = 100)]
#[case("--schedule linear", |s: &mut Settings| s.diffusion.schedule = ScheduleKind::Linear)]
#[case("--schedule cosine", |s: &mut Settings| s.diffusion.schedule = ScheduleKind::Cosine)]
#[case("--beta-start 1e-5", |s: &mut Settings| (s.diffusion.schedule, s.diffusion.beta_start) = (ScheduleKind::Linear, 1e-5))]
#[case("--beta-end 0.2", |s: &mut Settings| (s.diffusion.schedule, s.diffusion.beta_end) = (ScheduleKind::Linear, 0.2))]
#[case("--prediction eps", |s: &mut Settings| s.diffusion.prediction = Prediction::Eps)]
#[case("--prediction v", |s: &mut Settings| s.diffusion.prediction = Prediction::V)]
#[case("--classes off", |s: &mut Settings| s.network.classes = false)]
#[case("--epochs 5", |s: &mut Settings| s.training.budget = Budget::Epochs(5))]
#[case("--steps 40", |s: &mut Settings| s.training.budget = Budget::Steps(40))]
#[case("--minutes 1.5", |s: &mut Settings| s.training.budget = Budget::Minutes(1.5))]
#[case("--batch-size 32", |s: &mut Settings| s.training.batch_size = 32)]
#[case("--lr 1e-4", |s: &mut Settings| s.training.learning_rate = 1e-4)]
#[case("--optimizer adamw", |s: &mut Settings| s.training.optimizer = OptimizerKind::AdamW)]
#[case("--muon-lr 0.03", |s: &mut Settings| s.training.muon_learning_rate = 0.03)]
#[case("--muon-momentum 0.8", |s: &mut Settings| s.training.muon_momentum = 0.8)]
#[case("--warmup 7", |s: &mut Settings| s.training.warmup_steps = 7)]
#[case("--logit-mean -1", |s: &mut Settings| s.training.logit_normal.mean = -1.0)]
#[case("--logit-std 2", |s: &mut Settings| s.training.logit_normal.deviation = 2.0)]
#[case("--uniform-t 0.5", |s: &mut Settings| s.training.logit_normal.uniform_share = 0.5)]
#[case("--checkpoint-every 7", |s: &mut Settings| s.training.checkpoint_every = 7)]
#[case("--seed 18446744073709551615", |s: &mut Settings| s.training.seed = u64::MAX)]
fn a_flag_changes_its_setting_and_no_other(#[case] flags: &str, #[case] change: fn(&mut Settings)) {
    let mut expected = Preset::Small.settings();
    change(&mut expected);
    assert_eq!(settings(flags), expected);
}

#[test]
fn the_reference_recipe_is_the_seed_presets_on_another_network() {
    let (small, seed) = (Preset::Small.settings(), Preset::Seed.settings());
    let recipe = settings("--reference-recipe --minutes 10 --seed 3");
    assert_eq!((recipe.network.clone(), recipe.data.clone()), (small.network, small.data));
    assert_eq!((recipe.training.budget, recipe.training.seed), (Budget::Minutes(10.0), 3));
    assert_eq!((&recipe.diffusion, recipe.sampling.sampler), (&seed.diffusion, seed.sampling.sampler));
    let rates =
        |s: &Settings| (s.training.optimizer, s.training.learning_rate, s.training.batch_size, s.training.ema_decay);
    assert_eq!(rates(&recipe), rates(&seed));
    assert_eq!(settings("--reference-recipe --lr 3e-4").training.learning_rate, 3e-4);
    assert_eq!(resumed("--reference-recipe --minutes 10", &recipe).unwrap(), recipe);
    let changes: [fn(&mut Settings); 3] =
        [|s| s.training.clip_norm = 1.0, |s| s.training.ema_decay = 0.99, |s| *s = Preset::Small.settings()];
    for change in changes {
        let mut other = recipe.clone();
        change(&mut other);
        let refused = resumed("--reference-recipe", &other).unwrap_err().to_string();
        assert_eq!(refused, "--reference-recipe differs from the run that is resumed");
    }
    let larger = settings("--reference-recipe --batch-size 64");
    assert_eq!(resumed("--reference-recipe", &larger).unwrap(), larger);
}

#[test]
fn a_preset_is_where_the_other_flags_start_from() {
    for preset in Preset::ALL {
        assert_eq!(settings(&format!("--preset {}", preset.name())), preset.settings());
    }
    let reference = settings("--preset seed --subset all --epochs 100");
    assert_eq!((reference.data.subset, reference.training.budget), (Subset::All, Budget::Epochs(100)));
    assert_eq!(settings("--preset seed --shuffle-subset").data.subset, Subset::Shuffled(1000));
}

#[rstest]
#[case("--subset 0", "--subset: the subset has no images", "use at least 1 image")]
#[case("--subset 60001", "--subset: 60001 images asked for, the data has 60000", "use at most 60000")]
#[case("--subset -5", "--subset: \"-5\" is not a number of images", "use digits only, or all")]
#[case("--shuffle-subset", "--shuffle-subset: all images are used, there is nothing to choose", "add --subset N")]
#[case("--image-size 30", "--image-size: 30 is not a size that the presets draw", "use 28 or 32")]
#[case("--timesteps 0", "--timesteps: T = 0 is out of range", "use 2 to 4000")]
#[case("--timesteps 4001", "--timesteps: T = 4001 is out of range", "use 2 to 4000")]
#[case("--beta-start 0", "--beta-start: β₀ = 0 is out of range", "a variance: more than 0, less than 1")]
#[case("--beta-end 1", "--beta-end: β₁ = 1 is out of range", "a variance: more than 0, less than 1")]
#[case("--beta-end -0.1", "--beta-end: β₁ = -0.1 is out of range", "a variance: more than 0, less than 1")]
#[case("--beta-start NaN", "--beta-start: β₀ = NaN is out of range", "a variance: more than 0, less than 1")]
#[case("--beta-start 0.3", "--beta-start: β₀ = 0.3 is larger than β₁ = 0.02", "noise must grow: choose β₀ ≤ β₁")]
#[case(
    "--schedule cosine --beta-end 0.2",
    "--beta-end cannot be used with --schedule cosine",
    "leave --beta-end out, or use --schedule linear"
)]
#[case("--schedule sine", "--schedule: \"sine\" is not one of its values", "use linear, cosine")]
#[case("--prediction x0", "--prediction: \"x0\" is not one of its values", "use eps, v")]
#[case("--classes yes", "--classes: \"yes\" is not one of its values", "use on, off")]
#[case(
    "--preset seed --classes on",
    "--classes: DiffUNet does not know classes",
    "train it without classes, or choose another preset"
)]
#[case("--preset tiny", "--preset: \"tiny\" is not one of its values", "use nano, small, base, seed")]
#[case("--epochs 0", "--epochs: no epochs", "use at least 1")]
#[case("--steps 0", "--steps: no steps", "use at least 1")]
#[case("--minutes 0", "--minutes: 0 minutes", "use more than 0 and at most 100000")]
#[case("--minutes -1", "--minutes: -1 minutes", "use more than 0 and at most 100000")]
#[case("--minutes inf", "--minutes: inf minutes", "use more than 0 and at most 100000")]
#[case("--minutes soon", "--minutes: \"soon\" is not a number", "use a number such as 0.02 or 2e-3")]
#[case("--epochs 3 --minutes 1", "--epochs cannot be used with --minutes", "leave one of them out")]
#[case("--steps 3 --minutes 1", "--steps cannot be used with --minutes", "leave one of them out")]
#[case("--batch-size 0", "--batch-size: a batch of 0 images", "use 1 to 4096")]
#[case("--lr 0", "--lr: a learning rate of 0", "use more than 0 and at most 1; 0.0001 to 0.004 is usual")]
#[case("--lr -1e-3", "--lr: a learning rate of -0.001", "use more than 0 and at most 1; 0.0001 to 0.004 is usual")]
#[case("--checkpoint-every 0", "--checkpoint-every: a checkpoint every 0 steps", "use at least 1")]
#[case("--eval-every -1", "--eval-every: every -1 seconds", "use 0 for never, or up to 86400 seconds")]
#[case("--films 65537", "--films: films of up to 65537 MB", "use 0 for none, or up to 65536 MB")]
#[case("--eval-every nan", "--eval-every: every NaN seconds", "use 0 for never, or up to 86400 seconds")]
#[case("--seed -1", "--seed: \"-1\" is not a whole number", "use digits only, such as 1000")]
#[case("--threads 0", "--threads: \"0\" is not a number of threads", "use 1 to 1024, or leave it out for all cores")]
#[case("--device tpu", "--device: \"tpu\" is not a device", "use auto, cpu, cuda, cuda:1 (a GPU's number) or metal")]
fn a_value_that_cannot_work_is_refused_by_name(#[case] flags: &str, #[case] what: &str, #[case] hint: &str) {
    let error = typed(flags).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.hint().as_str()), (what, hint));
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn a_resumed_run_keeps_its_settings_and_may_go_on_for_longer() {
    let recorded = settings("--preset nano --subset 1000 --beta-end 0.2 --steps 40 --seed 9");
    assert_eq!(resumed("", &recorded).unwrap(), recorded);
    assert_eq!(
        resumed("--preset nano --subset 1000 --beta-end 0.2 --steps 40 --seed 9", &recorded).unwrap(),
        recorded,
        "the command of the first start may be repeated"
    );
    let longer = resumed("--steps 80 --checkpoint-every 10", &recorded).unwrap();
    assert_eq!((longer.training.budget, longer.training.checkpoint_every), (Budget::Steps(80), 10));
    assert_eq!(longer.data, recorded.data);
}

#[rstest]
#[case("--preset", "small")]
#[case("--data", "images")]
#[case("--subset", "999")]
#[case("--image-size", "32")]
#[case("--timesteps", "100")]
#[case("--beta-start", "0.001")]
#[case("--beta-end", "0.3")]
#[case("--schedule", "linear")]
#[case("--prediction", "eps")]
#[case("--classes", "off")]
#[case("--batch-size", "8")]
#[case("--lr", "0.001")]
#[case("--seed", "1")]
fn a_resumed_run_refuses_to_become_another(#[case] flag: &str, #[case] value: &str) {
    let error = resumed(&format!("{flag} {value}"), &Preset::Nano.settings()).unwrap_err();
    assert_eq!(error.to_string(), format!("{flag} differs from the run that is resumed"));
    assert_eq!(error.exit_code(), 2);
}
