use proptest::prelude::*;
use rstest::rstest;

use super::arena::TensorRecord;
use super::*;

fn refusal(program: &[u8]) -> String {
    read(program).map(|pickle| pickle.root.to_owned_text()).unwrap_err()
}

impl Value<'_> {
    fn to_owned_text(self) -> String {
        format!("{self:?}")
    }
}

#[rstest]
#[case::global(
    b"\x80\x02cos\nsystem\n(X\x04\0\0\0echotR.",
    "its pickle names os.system, which is not part of a tensor"
)]
#[case::posix(b"\x80\x02cposix\nsystem\n.", "its pickle names posix.system, which is not part of a tensor")]
#[case::stack_global(
    b"\x80\x04\x95\x20\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04echo\x85R.",
    "its pickle names os.system, which is not part of a tensor"
)]
#[case::eval(b"c__builtin__\neval\n.", "its pickle names __builtin__.eval, which is not part of a tensor")]
#[case::lookalike(
    b"ctorch._utils\n_rebuild_wrapper_subclass\n.",
    "its pickle names torch._utils._rebuild_wrapper_subclass, which is not part of a tensor"
)]
#[case::inst(b"(ios\nsystem\n.", "its pickle makes an object of os.system")]
#[case::obj(b"(cos\nsystem\no.", "its pickle names os.system, which is not part of a tensor")]
#[case::obj_of_a_known_class(
    b"(ccollections\nOrderedDict\no.",
    "its pickle uses the opcode OBJ, which no tensor needs"
)]
#[case::newobj(b"ccollections\nOrderedDict\n)\x81.", "its pickle uses the opcode NEWOBJ, which no tensor needs")]
#[case::build(
    b"ccollections\nOrderedDict\n}b.",
    "its pickle sets the attributes of something that is not a dictionary"
)]
#[case::build_with_text(b"}X\x01\0\0\0xb.", "its pickle sets the attributes of something that is not a dictionary")]
#[case::extension(b"\x82\x01.", "its pickle uses the opcode EXT, which no tensor needs")]
#[case::persistent_text(b"Pexit\n.", "its pickle uses the opcode PERSID, which no tensor needs")]
#[case::persistent_other(b"K\x01Q.", "its pickle refers to something outside that is not a storage")]
#[case::call_of_text(b"X\x01\0\0\0x)R.", "its pickle calls something that is not a function")]
#[case::call_without_tuple(b"ccollections\nOrderedDict\nNR.", "its pickle calls without a tuple")]
#[case::call_with_more(
    b"ccollections\nOrderedDict\n(K\x01tR.",
    "its pickle calls OrderedDict with arguments that it does not take"
)]
#[case::unhashed_global(b"N\x8c\x01x\x93.", "its pickle names a function by something that is not text")]
#[case::underflow(b"\x85.", "its pickle takes more values than it made")]
#[case::below_a_mark(b"K\x01(0.", "its pickle takes more values than it made")]
#[case::marks(b"t.", "its pickle takes more marks than it made")]
#[case::no_value(b".", "its pickle takes more values than it made")]
#[case::memo(b"h\x07.", "its pickle recalls value 7, which it never made")]
#[case::long_text(b"X\xff\xff\xff\xffab.", "its pickle is cut short")]
#[case::longer_text(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab.", "its pickle is cut short")]
#[case::not_text(b"X\x01\0\0\0\xff.", "its pickle holds text that is not UTF-8")]
#[case::half_an_entry(b"}(K\x01u.", "its pickle sets a key without a value")]
#[case::append_to_none(b"NK\x01a.", "its pickle appends to something that is not a list")]
#[case::set_on_none(b"NK\x01K\x01s.", "its pickle sets keys of something that is not a dictionary")]
#[case::protocol(b"\x80\x09.", "its pickle has protocol 9")]
#[case::empty(b"", "its pickle is cut short")]
fn what_no_tensor_needs_is_refused_by_name(#[case] program: &[u8], #[case] what: &str) {
    assert_eq!(refusal(program), what);
}

/// `_rebuild_tensor_v2` of a FloatStorage "0" of `count` numbers, with `arguments` after it.
fn tensor(count: i32, arguments: &[u8]) -> Vec<u8> {
    let mut program = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage".to_vec();
    program.extend(b"ctorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuJ");
    program.extend(count.to_le_bytes());
    program.extend(b"tQ");
    program.extend(arguments);
    program.extend(b"\x89NtR.");
    program
}

#[test]
fn a_tensor_is_a_view_into_its_storage() {
    let program = tensor(12, b"K\x04K\x02K\x03\x86K\x03K\x01\x86");
    let pickle = read(&program).unwrap();
    assert_eq!(pickle.root, Value::Tensor(0));
    let expected = crate::model::weights::element::View { offset: 4, shape: vec![2, 3], strides: vec![3, 1] };
    assert_eq!(pickle.arena.tensors, [TensorRecord { storage: 0, view: expected }]);
    assert_eq!(pickle.length, program.len());
}

#[rstest]
#[case::beyond(12, b"K\x07K\x02K\x03\x86K\x03K\x01\x86", "reaches beyond its storage 0 of 12 numbers")]
#[case::huge(12, b"K\0J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86K\x01K\x01\x86", "reaches beyond its storage")]
#[case::huger(12, b"K\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x04\x86K\0K\0\x86", "reaches beyond its storage")]
#[case::negative(12, b"K\0J\xff\xff\xff\xff\x85K\x01\x85", "not made of counts")]
#[case::negative_offset(12, b"J\xff\xff\xff\xffK\x01\x85K\x01\x85", "begins before its storage")]
#[case::negative_stride(12, b"K\x05K\x02\x85J\xff\xff\xff\xff\x85", "not made of counts")]
#[case::strides(12, b"K\0K\x02\x85)", "has 0 strides")]
#[case::storage(-1, b"K\0K\x02\x85K\x01\x85", "negative size")]
#[case::rank(1, b"K\0(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t)", "has 9 dimensions")]
#[case::shape(12, b"K\0NN", "is not a tuple")]
fn shapes_that_lie_are_refused(#[case] count: i32, #[case] arguments: &[u8], #[case] what: &str) {
    let refused = refusal(&tensor(count, arguments));
    assert!(refused.contains(what), "{refused}");
}

#[test]
fn nesting_and_cycles_cost_nothing() {
    let mut deep = b"\x80\x02)".to_vec();
    deep.extend(std::iter::repeat_n(0x85, 400_000));
    deep.push(b'.');
    assert!(matches!(read(&deep).unwrap().root, Value::Tuple(_)));
    let cycle = b"]q\x00h\x00a}q\x01(X\x01\0\0\0ah\x01u\x86.";
    assert!(matches!(read(cycle).unwrap().root, Value::Tuple(_)));
}

#[test]
fn more_values_than_any_file_needs_are_refused() {
    for filler in [b')', b'N', b'(', b']', b'}'] {
        let mut bomb = vec![filler; MAX_OBJECTS + 2];
        bomb.push(b'.');
        let refused = refusal(&bomb);
        assert!(refused.contains("too many"), "{refused}");
    }
    let mut memo = b"N".to_vec();
    memo.extend(std::iter::repeat_n(0x94, MAX_OBJECTS + 2));
    assert!(refusal(&memo).contains("too many"));
    let mut fed = b"]".to_vec();
    for _ in 0..6 {
        fed.push(b'(');
        fed.extend(std::iter::repeat_n(b'N', MAX_OBJECTS - 3));
        fed.push(b'e');
    }
    assert!(refusal(&fed).contains("too many"));
}

#[test]
fn names_are_shown_without_control_characters() {
    let refused = refusal(b"c\x1b[31mos\nsystem\n.");
    assert_eq!(refused, "its pickle names ?[31mos.system, which is not part of a tensor");
    let long = [b"c".as_slice(), &[b'x'; 200], b"\ny\n."].concat();
    assert!(refusal(&long).len() < 160);
}

proptest! {
    #[test]
    fn no_bytes_bring_it_down(program in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&program);
    }

    /// Opcodes that exist are more likely to get anywhere.
    #[test]
    fn no_program_brings_it_down(program in proptest::collection::vec(
        proptest::sample::select(b"()]}Ntase0qh1RQbu.\x85\x86\x87\x88\x94K\x00\x01cioX".as_slice()), 0..200,
    )) {
        let _ = read(&program);
    }
}
