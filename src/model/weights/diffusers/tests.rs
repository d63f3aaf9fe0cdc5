use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::config::{Architecture, UNetConfig};

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

fn config(model: &DiffusersModel) -> UNetConfig {
    match &model.settings.network.architecture {
        Architecture::UNet(config) => config.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pipelines_become_settings() {
    let plain = DiffusersModel::open(&vectors("pipeline")).unwrap();
    let expected = UNetConfig {
        patch_size: 1,
        block_out_channels: vec![32, 64],
        layers_per_block: 1,
        attention: vec![false, true],
        mid_attention: true,
        attention_head_dim: 8,
        norm_num_groups: 8,
        norm_eps: 1e-5,
        scale_shift: false,
        dropout: 0.0,
        attn_norm_num_groups: None,
        time_embedding_dim: None,
    };
    assert_eq!(config(&plain), expected);
    assert_eq!((plain.settings.data.image_size, plain.settings.network.classes), (32, false));
    assert_eq!(plain.settings.diffusion, crate::config::Preset::Seed.settings().diffusion);
    assert_eq!(plain.notices, [""; 0]);
    let classes = DiffusersModel::open(&vectors("pipeline_classes")).unwrap();
    assert_eq!((classes.settings.data.image_size, classes.class_rows), (28, Some(11)));
    assert_eq!((config(&classes).patch_size, config(&classes).scale_shift), (2, true));
    let bare = DiffusersModel::open(&vectors("pipeline/unet")).unwrap();
    assert_eq!(config(&bare), expected);
}

/// A pipeline like the vectors' with some fields of `unet/config.json` changed.
fn changed(changes: &Value) -> Result<DiffusersModel> {
    let folder = tempfile::tempdir().unwrap();
    let unet = folder.path().join("unet");
    fs::create_dir(&unet).unwrap();
    let mut config: Value = serde_json::from_slice(&fs::read(vectors("pipeline/unet/config.json")).unwrap()).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        config[name] = value.clone();
    }
    fs::write(unet.join("config.json"), config.to_string()).unwrap();
    fs::copy(vectors("pipeline/unet").join(WEIGHTS[0]), unet.join(WEIGHTS[0])).unwrap();
    DiffusersModel::open(&unet)
}

#[test]
fn what_cannot_be_had_is_refused_by_name_and_value() {
    for (changes, what) in [
        (json!({"_class_name": "UNet2DConditionModel"}), "_class_name = \"UNet2DConditionModel\""),
        (json!({"in_channels": 3, "out_channels": 3}), "in_channels = 3"),
        (json!({"out_channels": 2}), "out_channels = 2"),
        (json!({"sample_size": 33}), "sample_size = 33"),
        (json!({"sample_size": [32, 28]}), "sample_size = [32,28]"),
        (json!({"sample_size": null}), "sample_size = null"),
        (json!({"down_block_types": ["DownBlock2D", "SkipDownBlock2D"]}), "down_block_types = \"SkipDownBlock2D\""),
        (json!({"up_block_types": ["UpBlock2D", "UpBlock2D"]}), "up_block_types = [\"UpBlock2D\",\"UpBlock2D\"]"),
        (json!({"up_block_types": ["UpBlock2D"]}), "up_block_types = [\"UpBlock2D\"]"),
        (json!({"mid_block_type": "Other"}), "mid_block_type = \"Other\""),
        (json!({"norm_num_groups": 7}), "norm_num_groups = 7"),
        (json!({"norm_num_groups": 0}), "norm_num_groups = 0"),
        (json!({"attention_head_dim": 0}), "attention_head_dim = 0"),
        (json!({"block_out_channels": [32, 100000]}), "block_out_channels = [32,100000]"),
        (json!({"block_out_channels": []}), "block_out_channels = []"),
        (json!({"resnet_time_scale_shift": "spatial"}), "resnet_time_scale_shift = \"spatial\""),
        (json!({"class_embed_type": "timestep"}), "class_embed_type = \"timestep\""),
        (json!({"num_class_embeds": 1000}), "num_class_embeds = 1000"),
        (json!({"act_fn": "gelu"}), "act_fn = \"gelu\""),
        (json!({"flip_sin_to_cos": false}), "flip_sin_to_cos = false"),
        (json!({"layers_per_block": 1000000}), "layers_per_block = 1000000"),
        (json!({"new_invention": true}), "new_invention = true"),
    ] {
        let error = changed(&changes).map(|_| panic!("{changes} opens")).unwrap_err();
        assert!(error.to_string().contains(&format!("{what} is not supported")), "{error}");
        assert!(!error.hint().is_empty());
    }
    assert!(changed(&json!({"sample_size": [32, 32], "mid_block_scale_factor": 1.0})).is_ok());
    let one_head = changed(&json!({"attention_head_dim": null})).unwrap();
    assert_eq!(config(&one_head).attention_head_dim, 64);
}

#[test]
fn a_network_without_a_scheduler_says_what_is_assumed() {
    let model = changed(&json!({})).unwrap();
    assert_eq!(model.settings.diffusion.timesteps, 1000);
    assert!(model.notices[0].contains("without a scheduler"), "{:?}", model.notices);
}

#[test]
fn attention_has_its_names_of_today() {
    assert_eq!(renamed("mid_block.attentions.0.query.weight"), "mid_block.attentions.0.to_q.weight");
    assert_eq!(renamed("mid_block.attentions.0.proj_attn.bias"), "mid_block.attentions.0.to_out.0.bias");
    assert_eq!(renamed("conv_in.weight"), "conv_in.weight");
}
