//! No path in a file from a stranger leads out of its folder: names inside archives and indices are names, never paths.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use candle_core::Device;
use diffuscope::model::weights::WeightsFile;
use diffuscope::model::weights::diffusers::DiffusersModel;
use rstest::rstest;
use zip::write::{SimpleFileOptions, ZipWriter};

fn vectors(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// All that lies in a folder, with its contents.
fn everything(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(everything(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

/// A `.pth` of one tensor whose storage has this key, with four numbers in the archive's entry of that name.
fn pth(key: &str, entry: Option<&str>) -> Vec<u8> {
    let mut program =
        b"\x80\x02}(X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX"
            .to_vec();
    program.extend((key.len() as u32).to_le_bytes());
    program.extend(key.bytes());
    program.extend(b"X\x03\0\0\0cpuK\x04tQK\0K\x04\x85K\x01\x85\x89NtRu.");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("archive/data.pkl", options).unwrap();
    writer.write_all(&program).unwrap();
    if let Some(entry) = entry {
        writer.start_file(format!("archive/data/{entry}"), options).unwrap();
        writer.write_all(&[7; 16]).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The file that the key would lead to has as many bytes as the tensor: it would fit.
#[rstest]
#[case::upwards("../../secret")]
#[case::absolute("ABSOLUTE")]
#[case::upwards_and_back("../data/../../secret")]
fn a_storage_of_an_archive_is_found_in_the_archive_alone(#[case] key: &str) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, [9; 16]).unwrap();
    let inside = folder.path().join("archive");
    fs::create_dir(&inside).unwrap();
    let key = if key == "ABSOLUTE" { secret.to_str().unwrap() } else { key };
    let path = inside.join("weights.pth");
    fs::write(&path, pth(key, None)).unwrap();
    let before = everything(folder.path());
    let refused = WeightsFile::open(&path).unwrap_err();
    assert!(refused.to_string().contains("its entry archive/data/"), "{refused}");
    // In the archive, the same name is a name as any other.
    fs::write(&path, pth(key, Some(key))).unwrap();
    let file = WeightsFile::open(&path).unwrap();
    let loaded = file.load(file.tensors(), &Device::Cpu, &mut |_, _| ()).unwrap();
    assert_eq!(loaded["a"].to_vec1::<f32>().unwrap(), [f32::from_le_bytes([7; 4]); 4]);
    fs::write(&path, pth(key, None)).unwrap();
    assert_eq!(everything(folder.path()), before);
}

/// The parts of a folder of diffusers stand at fixed places in it, whatever its index names.
#[test]
fn an_index_of_diffusers_cannot_name_another_place() {
    let folder = tempfile::tempdir().unwrap();
    let (outside, inside) = (folder.path().join("outside"), folder.path().join("inside"));
    for unet in [outside.join("unet"), inside.join("unet")] {
        fs::create_dir_all(&unet).unwrap();
    }
    fs::create_dir(inside.join("scheduler")).unwrap();
    let weights = "unet/diffusion_pytorch_model.safetensors";
    for name in ["unet/config.json", "scheduler/scheduler_config.json"] {
        fs::copy(vectors("pipeline").join(name), inside.join(name)).unwrap();
    }
    fs::copy(vectors("pipeline").join(weights), outside.join(weights)).unwrap();
    let index = r#"{"_class_name": "DDPMPipeline", "unet": ["../outside/unet", "../../outside/unet"],
        "_name_or_path": "../outside", "scheduler": ["diffusers", "DDPMScheduler"]}"#;
    fs::write(inside.join("model_index.json"), index).unwrap();
    let shards = r#"{"weight_map": {"conv_in.weight": "../../outside/unet/diffusion_pytorch_model.safetensors"}}"#;
    fs::write(inside.join("unet/diffusion_pytorch_model.safetensors.index.json"), shards).unwrap();
    let error = DiffusersModel::open(&inside).unwrap_err().to_string();
    assert!(error.contains("it has no diffusion_pytorch_model.safetensors"), "{error}");
    fs::copy(vectors("pipeline").join(weights), inside.join(weights)).unwrap();
    let model = DiffusersModel::open(&inside).unwrap();
    assert_eq!(model.file.path(), inside.join(weights));
}
