use std::fs;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// Shapes, and values to the bit, by name.
type Bits = BTreeMap<String, (Vec<usize>, Vec<u32>)>;

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

fn values(file: &WeightsFile) -> Result<Bits> {
    let loaded = file.load(file.tensors(), &Device::Cpu, &mut |_, _| {})?;
    let bits =
        |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect();
    Ok(loaded.iter().map(|(name, tensor)| (name.clone(), (tensor.dims().to_vec(), bits(tensor)))).collect())
}

fn expected() -> Bits {
    values(&WeightsFile::open(&vector("state_dict_expected.safetensors")).unwrap()).unwrap()
}

/// Lists and loads bytes that stand in a file.
fn open_bytes(bytes: &[u8]) -> Result<Bits> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    values(&WeightsFile::open(file.path())?)
}

#[rstest]
#[case("state_dict.pth")]
#[case("legacy.pth")]
#[case("nested.pth")]
fn files_of_pytorch_have_the_values_that_pytorch_says(#[case] name: &str) {
    let expected = expected();
    assert_eq!(expected.len(), 8);
    assert_eq!(values(&WeightsFile::open(&vector(name)).unwrap()).unwrap(), expected);
}

#[rstest]
#[case("state_dict.pth")]
#[case("legacy.pth")]
#[case("nested.pth")]
#[case("state_dict_expected.safetensors")]
fn a_file_cut_short_anywhere_is_refused(#[case] name: &str) {
    let whole = fs::read(vector(name)).unwrap();
    for end in 0..whole.len() {
        let error = open_bytes(&whole[..end]).map(|_| panic!("{name} cut at {end} opens")).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{name} cut at {end}: {error}");
    }
}

#[test]
fn progress_reaches_the_end() {
    let file = WeightsFile::open(&vector("legacy.pth")).unwrap();
    let mut heard = Vec::new();
    file.load(file.tensors(), &Device::Cpu, &mut |done, total| heard.push((done, total))).unwrap();
    assert_eq!(heard.len(), 7);
    assert!(heard.is_sorted() && heard.last().is_some_and(|(done, total)| done == total), "{heard:?}");
}

/// Every bit of the small entries and of the storages is guarded by a checksum; what is left is padding and dates.
#[test]
fn a_flipped_bit_in_a_zip_is_noticed_or_harmless() {
    let whole = fs::read(vector("state_dict.pth")).unwrap();
    let expected = expected();
    let mut noticed = 0;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        match open_bytes(&bytes) {
            Ok(values) => assert_eq!(values, expected, "bit {} of byte {at}", at % 8),
            Err(error) => {
                assert!(matches!(error, Error::Format { .. }), "byte {at}: {error}");
                noticed += 1;
            }
        }
    }
    assert!(noticed > 1000, "{noticed}");
}

proptest! {
    #[test]
    fn flipped_bits_bring_nothing_down(
        name in proptest::sample::select(vec!["state_dict.pth", "legacy.pth", "nested.pth", "state_dict_expected.safetensors"]),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0..8u32), 1..6),
    ) {
        let mut bytes = fs::read(vector(name)).unwrap();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Err(error) = open_bytes(&bytes) {
            prop_assert!(matches!(error, Error::Format { .. }), "{}", error);
        }
    }

    #[test]
    fn other_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open_bytes(&bytes).is_err());
    }
}

fn refusal(bytes: &[u8]) -> String {
    let error = open_bytes(bytes).map(|_| panic!("it opens")).unwrap_err();
    assert!(!error.hint().is_empty());
    error.to_string()
}

fn safetensors(header: &str, tensors: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.resize(bytes.len() + tensors, 0);
    bytes
}

#[test]
fn an_empty_tensor_before_another_is_no_trouble() {
    let header = r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let values = open_bytes(&safetensors(header, 8)).unwrap();
    assert_eq!((values["a"].clone(), values["b"].clone()), ((vec![0], vec![]), (vec![2], vec![0; 2])));
}

#[rstest]
#[case::lying_header(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, b'{', b'}'], "cut short")]
#[case::huge_header(&[0xff; 40], "cut short")]
#[case::not_json(&safetensors("{nothing", 0), "its header is wrong")]
#[case::overlap(
    &safetensors(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12),
    "its header is wrong"
)]
#[case::huge_shape(
    &safetensors(r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, 8),
    "its header is wrong"
)]
#[case::shape_and_bytes(&safetensors(r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8), "its header is wrong")]
#[case::beyond(&safetensors(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4), "cut short or damaged")]
#[case::more(&safetensors(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 12), "cut short or damaged")]
#[case::strange_numbers(
    &safetensors(r#"{"a":{"dtype":"F8_E5M2","shape":[8],"data_offsets":[0,8]}}"#, 8),
    "a has numbers of type F8_E5M2"
)]
fn safetensors_that_lie_are_refused(#[case] bytes: &[u8], #[case] what: &str) {
    let refused = refusal(bytes);
    assert!(refused.contains(what), "{refused}");
}

/// A zip archive of torch.save with these entries; those after the first are storages 0, 1 ….
fn archive(pickle: &[u8], method: zip::CompressionMethod, storages: &[&[u8]]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut add = |name: &str, bytes: &[u8]| {
        use std::io::Write;
        writer.start_file(format!("archive/{name}"), options).unwrap();
        writer.write_all(bytes).unwrap();
    };
    add("data.pkl", pickle);
    storages.iter().enumerate().for_each(|(i, bytes)| add(&format!("data/{i}"), bytes));
    writer.finish().unwrap().into_inner()
}

/// A dictionary of `views` tensors named by letters, all views of one storage of `count` f32 that they cover as `arguments` say.
fn views(views: u8, count: i32, arguments: &[u8]) -> Vec<u8> {
    let mut program = b"\x80\x02}(".to_vec();
    for i in 0..views {
        program.extend([b'X', 1, 0, 0, 0, b'A' + i]);
        program.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuJ");
        program.extend(count.to_le_bytes());
        program.extend(b"tQ");
        program.extend(arguments);
        program.extend(b"\x89NtR");
    }
    program.extend(b"u.");
    program
}

const STORED: zip::CompressionMethod = zip::CompressionMethod::Stored;

#[test]
fn a_plain_archive_opens() {
    let values = open_bytes(&archive(&views(2, 4, b"K\0K\x04\x85K\x01\x85"), STORED, &[&[0; 16]])).unwrap();
    assert_eq!(values["B"], (vec![4], vec![0; 4]));
}

#[test]
fn storages_that_are_not_as_long_as_said_are_refused() {
    let refused = refusal(&archive(&views(1, 4, b"K\0K\x04\x85K\x01\x85"), STORED, &[&[0; 12]]));
    assert!(refused.contains("the storage 0 of 4 numbers has 12 bytes"), "{refused}");
    let refused = refusal(&archive(&views(1, 4, b"K\0K\x04\x85K\x01\x85"), STORED, &[]));
    assert!(refused.contains("archive/data/0"), "{refused}");
}

/// One number repeated by a stride of 0, and many views of the same numbers, take no more memory than the file.
#[test]
fn a_small_file_cannot_unfold_into_a_large_one() {
    let expanded = views(1, 1, b"K\0J\xff\xff\xff\x7fK\x02\x86K\0K\0\x86");
    let refused = refusal(&archive(&expanded, STORED, &[&[0; 4]]));
    assert!(refused.contains("is larger than the file that holds it"), "{refused}");
    let many = views(40, 4000, b"K\0M\xa0\x0f\x85K\x01\x85");
    let refused = refusal(&archive(&many, STORED, &[&[0; 16000]]));
    assert!(refused.contains("is larger than the file that holds it"), "{refused}");
}

#[test]
fn a_zip_bomb_is_refused_before_it_unfolds() {
    let mut bytes = archive(&views(1, 4, b"K\0K\x04\x85K\x01\x85"), STORED, &[&[0; 16]]);
    // The method of both entries becomes 8, deflate, in the local headers and in the directory.
    let marks: Vec<usize> = (0..bytes.len() - 4).filter(|&at| bytes[at..].starts_with(b"PK")).collect();
    for at in marks {
        match bytes[at + 2] {
            3 => bytes[at + 8] = 8,
            1 => bytes[at + 10] = 8,
            _ => {}
        }
    }
    let refused = refusal(&bytes);
    assert!(refused.contains("compress"), "{refused}");
}

#[test]
fn hostile_pickles_are_refused_in_their_archive() {
    for (program, name) in [
        (&b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R."[..], "os.system"),
        (b"\x80\x02}X\x01\0\0\0acbuiltins\nexec\nX\x04\0\0\0pass\x85Rs.", "builtins.exec"),
        (b"\x80\x02(isubprocess\nPopen\n.", "subprocess.Popen"),
        (b"\x80\x02cdeepinv.models.diffunet\nDiffUNet\n)\x81.", "deepinv.models.diffunet.DiffUNet"),
    ] {
        let refused = refusal(&archive(program, STORED, &[]));
        assert!(refused.contains(name), "{refused}");
        // The old format begins with a pickle itself.
        let refused = refusal(program);
        assert!(refused.contains(name), "{refused}");
    }
}

#[test]
fn a_zip_of_something_else_is_refused() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer
        .start_file("word/document.xml", zip::write::SimpleFileOptions::default().compression_method(STORED))
        .unwrap();
    let refused = refusal(&writer.finish().unwrap().into_inner());
    assert!(refused.contains("it has no data.pkl"), "{refused}");
}

#[test]
fn weights_and_their_average_are_told_apart_and_unwrapped() {
    let tensor = |name: &str| {
        let mut program = b"X".to_vec();
        program.extend((name.len() as u32).to_le_bytes());
        program.extend(name.bytes());
        program.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQK\0K\x04\x85K\x01\x85\x89NtR");
        program
    };
    let dict = |entries: &[Vec<u8>]| [&b"}("[..], &entries.concat(), b"u"].concat();
    let under =
        |name: &str, value: &[u8]| [&b"X"[..], &(name.len() as u32).to_le_bytes(), name.as_bytes(), value].concat();
    let names = |stored: &[Stored]| stored.iter().map(|tensor| tensor.name.clone()).collect::<Vec<_>>();
    let open = |root: &[u8]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), archive(&[root, b"."].concat(), STORED, &[&[0; 16]])).unwrap();
        let file = WeightsFile::open(file.path()).unwrap();
        (names(file.tensors()), names(file.averaged()))
    };
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();

    let training = dict(&[
        under("epoch", b"K\x03"),
        under("model", &dict(&[tensor("module.a"), tensor("module.b")])),
        under("ema", &dict(&[under("state_dict", &dict(&[tensor("a")]))])),
    ]);
    assert_eq!(open(&training), (texts(&["a", "b"]), texts(&["a"])));
    let ema_pytorch = dict(&[tensor("initted"), tensor("online_model.a"), tensor("ema_model.a")]);
    assert_eq!(open(&ema_pytorch), (texts(&["a"]), texts(&["a"])));
    let own_name = dict(&[under("my_weights", &dict(&[tensor("_orig_mod.a")]))]);
    assert_eq!(open(&own_name), (texts(&["a"]), texts(&[])));
    let twice = dict(&[tensor("a"), tensor("a")]);
    let refused = refusal(&archive(&[&twice[..], b"."].concat(), STORED, &[&[0; 16]]));
    assert!(refused.contains("two tensors named a"), "{refused}");
}

#[test]
fn what_is_written_is_read_again() {
    use std::borrow::Cow;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pth");
    let entry = |name: &str, shape: &[usize], values: Vec<f32>| crate::tensor_file::Entry {
        name: name.into(),
        shape: shape.to_vec(),
        values: Cow::Owned(values),
    };
    let entries = [
        entry("b.weight", &[50, 2, 1], (0..100).map(|i| i as f32).collect()),
        entry("a", &[], vec![0.5]),
        entry("none", &[0], vec![]),
    ];
    let metadata = BTreeMap::from([("settings", "{}".to_owned())]);
    write_pth(&path, &metadata, &entries).unwrap();
    let file = WeightsFile::open(&path).unwrap();
    assert_eq!(file.metadata()["settings"], "{}");
    let values = values(&file).unwrap();
    assert_eq!(values.len(), 3);
    for written in entries {
        let bits: Vec<u32> = written.values.iter().map(|value| value.to_bits()).collect();
        assert_eq!(values[&written.name], (written.shape, bits), "{}", written.name);
    }
    let first = fs::read(&path).unwrap();
    write_pth(&path, &metadata, &[]).unwrap();
    assert!(WeightsFile::open(&path).is_err(), "a file of no tensors is refused");
    assert_eq!(&first[..4], b"PK\x03\x04");
}
