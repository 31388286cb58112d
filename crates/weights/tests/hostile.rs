//! Crafted files: each is refused with a typed error that names the reason, within a second.

mod support;

use timeweave_weights::{RawTensor, StateDict, WeightsError, read_bytes};

/// An empty `OrderedDict` and a dict of it, so that what is tested lies where weights lie.
const ORDERED_DICT: &[u8] = b"ccollections\nOrderedDict\n)R";

/// A checkpoint whose pickle gives what these instructions leave on the stack, with one storage
/// `0` of these bytes.
fn file(instructions: &[u8], storage: &[u8]) -> Vec<u8> {
    let pickle = [b"\x80\x02", instructions, b"."].concat();
    support::zip(&[("a/data.pkl", &pickle), ("a/data/0", storage)])
}

/// `{"w": tensor}` over a float storage `0` of `count` elements.
fn tensor(count: i32, offset: i32, sizes: &[i32], strides: &[i32]) -> Vec<u8> {
    [b"}".as_slice(), &text("w"), &rebuild(count, offset, sizes, strides), b"s"].concat()
}

fn rebuild(count: i32, offset: i32, sizes: &[i32], strides: &[i32]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".as_slice(),
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &integer(count),
        b"tQ",
        &integer(offset),
        &tuple(sizes),
        &tuple(strides),
        b"\x89",
        ORDERED_DICT,
        b"tR",
    ]
    .concat()
}

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

fn integer(value: i32) -> Vec<u8> {
    [b"J".as_slice(), &value.to_le_bytes()].concat()
}

fn tuple(values: &[i32]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|&value| integer(value)).collect();
    [b"(".as_slice(), &values, b"t"].concat()
}

fn in_a_second(file: &[u8]) -> Result<StateDict, WeightsError> {
    support::limit::in_a_second("crafted.pth", || read_bytes("crafted.pth", file))
}

/// The bytes of tensor `w`.
fn data(mut state: StateDict) -> Vec<u8> {
    state.tensors.swap_remove("w").expect("tensor w").data
}

#[track_caller]
fn assert_refused(file: &[u8], code: &str, text: &str) {
    let error = in_a_second(file).expect_err(text);
    let message = error.to_string();
    assert!(error.code() == code && message.contains(text), "{}: {message}", error.code());
    assert!(message.contains("crafted.pth"), "{message}");
}

#[test]
fn the_crafted_form_itself_is_readable() {
    let storage: Vec<u8> = [1.0_f32, 2.0, 3.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let state = in_a_second(&file(&tensor(3, 0, &[2, 2], &[1, 1]), &storage)).expect("a tensor");
    let expected = RawTensor::from_f32(vec![2, 2], &[1.0, 2.0, 2.0, 3.0]).expect("a tensor");
    assert_eq!(state.get("w"), Some(&expected));
}

#[test]
fn every_instruction_off_the_list_is_refused_by_name() {
    for (code, name) in [
        (&b"c__main__\nNet\n"[..], "'__main__.Net'"),
        (b"ctorch\nload\n", "'torch.load'"),
        (b"cbuiltins\neval\n", "'builtins.eval'"),
        (b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93", "'os.system'"),
        (b"ccollections\nOrderedDict\n)\x81", "NEWOBJ"),
        (b"N)\x81", "NEWOBJ"),
        (b")}\x92", "NEWOBJ_EX"),
        (b"(i__main__\nNet\n", "INST"),
        (b"(o", "OBJ"),
        (b"\x82\x01", "EXT"),
        (b"\x8f", "SET"),
        (b"C\x01a", "BYTES"),
        (b"S'a'\n", "STRING"),
        (b"I1\n", "protocol 0"),
        (b"0", "POP"),
        (b"Pid\n", "PERSID"),
        (b"N)R", "a call of None"),
        (b"ctorch\nFloatStorage\n)R", "a call of Storage"),
        (b"]}b", "a list with a state"),
        (b"}}b", "a dict with a state"),
        (b"(X\x01\x00\x00\x00atQ", "a persistent id"),
        (b"\x80\x06", "protocol 6"),
    ] {
        assert_refused(&file(code, &[]), "CHECKPOINT_REFUSED", name);
    }
    let long = [b"c", "n".repeat(900).as_bytes(), b"\nf\n"].concat();
    let error = in_a_second(&file(&long, &[])).expect_err("no such module");
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn damaged_pickles_are_errors() {
    for (code, text) in [
        (&b""[..], "lacks its operand"),
        (b"}(\x85", "lacks its operand"),
        (b"t", "a mark is missing"),
        (b"h\x07", "never stored"),
        (b"}(NNNu", "no dict or list"),
        (b"NNa", "no dict or list"),
        (b"X\x01\x00\x00\x00\xff", "no UTF-8"),
        (b"K\x01", "holds an integer where a dict"),
        (b"]", "holds a list where a dict"),
    ] {
        assert_refused(&file(code, &[]), "CHECKPOINT_UNREADABLE", text);
    }
    for code in [&b"X\xff\xff\xff\xffabc"[..], b"\x8a\xffabc", b"J\x01", b"cabc"] {
        assert_refused(&file(code, &[]), "CHECKPOINT_TRUNCATED", "ends inside its pickle");
    }
}

#[test]
fn objects_that_contain_themselves_are_refused() {
    let own_container = [b"}q\x00".as_slice(), &text("state_dict"), b"h\x00s"].concat();
    assert_refused(&file(&own_container, &[]), "CHECKPOINT_REFUSED", "a dict that contains itself");
    let list = [b"}".as_slice(), &text("epochs"), b"]q\x00h\x00as"].concat();
    assert_refused(&file(&list, &[]), "CHECKPOINT_REFUSED", "a list that contains itself");
    // The same list twice is no cycle.
    let twice = [b"}".as_slice(), &text("a"), b"]q\x00s", &text("b"), b"h\x00s"].concat();
    assert!(in_a_second(&file(&twice, &[])).expect("a dict").is_empty());
}

#[test]
fn towers_of_a_million_objects_neither_overflow_nor_linger() {
    let deep = [b"}".as_slice(), &text("a"), &b"]".repeat(900_000), &b"a".repeat(899_999), b"s"];
    assert!(in_a_second(&file(&deep.concat(), &[])).expect("a dict").is_empty());
    let many = b"}".repeat(3_000_000);
    assert_refused(&file(&many, &[]), "CHECKPOINT_TOO_LARGE", "instructions");
    // A large tuple is cheap to name again and must be cheap to refuse.
    let wide = [b"(".as_slice(), &b"K\x01".repeat(500_000), b"tq\x00"].concat();
    let calls = b"ccollections\nOrderedDict\nh\x00R".repeat(10_000);
    assert_refused(&file(&[wide, calls].concat(), &[]), "CHECKPOINT_REFUSED", "arguments");
}

#[test]
fn views_that_reach_beyond_their_storage_are_refused() {
    let storage = [0; 16];
    for (sizes, strides, offset) in [
        (&[5][..], &[1][..], 0),
        (&[2], &[4], 0),
        (&[1], &[1], 4),
        (&[2, 2], &[i32::MAX, i32::MAX], 0),
        (&[i32::MAX, i32::MAX, i32::MAX], &[0, 0, 0], 0),
    ] {
        let file = file(&tensor(4, offset, sizes, strides), &storage);
        assert_refused(&file, "CHECKPOINT_UNREADABLE", "tensor 'w'");
    }
    for (sizes, strides, offset) in
        [(&[-1][..], &[1][..], 0), (&[1], &[-1], 0), (&[1], &[1], -1), (&[1, 1], &[1], 0)]
    {
        let file = file(&tensor(4, offset, sizes, strides), &storage);
        assert_refused(&file, "CHECKPOINT_UNREADABLE", "has a tensor with");
    }
    assert_refused(
        &file(&tensor(5, 0, &[1], &[1]), &storage),
        "CHECKPOINT_TRUNCATED",
        "5 elements",
    );
    assert_refused(&file(&tensor(-4, 0, &[1], &[1]), &storage), "CHECKPOINT_UNREADABLE", "-4");
    let axes = [1; 65];
    let many = file(&tensor(4, 0, &axes, &axes), &storage);
    assert_refused(&many, "CHECKPOINT_UNREADABLE", "65 axes");
}

#[test]
fn a_small_file_does_not_become_many_bytes() {
    let storage = [0; 16];
    // One element as a billion, by a stride of zero.
    let expanded = file(&tensor(4, 0, &[1 << 30], &[0]), &storage);
    assert_refused(&expanded, "CHECKPOINT_TOO_LARGE", "bytes of tensors");
    // A storage of 4 MB under a thousand names.
    let mut dict = b"}(".to_vec();
    for name in 0..1000 {
        dict.extend(text(&name.to_string()));
        dict.extend(rebuild(1 << 20, 0, &[1 << 20], &[1]));
    }
    dict.push(b'u');
    let shared = file(&dict, &vec![0; 4 << 20]);
    assert_refused(&shared, "CHECKPOINT_TOO_LARGE", "bytes of tensors");
    let expanded = file(&tensor(4, 0, &[1 << 20, 3], &[0, 1]), &storage);
    let allowed = in_a_second(&expanded).expect("12 MiB are allowed");
    assert_eq!(data(allowed).len(), 12 << 20);
}

#[test]
fn zip_bombs_are_refused() {
    let pickle = b"\x80\x02}.";
    let deflated = [("a/data.pkl", &pickle[..], 0, 4), ("a/data/0", &[0; 8][..], 8, 1 << 30)];
    let deflated = support::zip_claiming(&deflated);
    assert_refused(&deflated, "CHECKPOINT_REFUSED", "compressed entry 'a/data/0' (zip method 8)");
    let lying = support::zip_claiming(&[("a/data.pkl", pickle, 0, 1 << 30)]);
    assert_refused(&lying, "CHECKPOINT_TOO_LARGE", "bytes in its entries");
    let twice = support::zip(&[("a/data.pkl", pickle), ("a/data.pkl", pickle)]);
    assert_refused(&twice, "CHECKPOINT_UNREADABLE", "two entries named 'a/data.pkl'");
    let two = support::zip(&[("a/data.pkl", pickle), ("b/data.pkl", pickle)]);
    assert_refused(&two, "CHECKPOINT_UNREADABLE", "two data.pkl");
    let big = support::zip(&[("a/data.pkl", pickle), ("a/byteorder", b"big")]);
    assert_refused(&big, "CHECKPOINT_REFUSED", "byte order 'big'");
    // The directory says that one entry lies in the other.
    let mut overlapping = support::zip(&[("a/data.pkl", pickle), ("a/data/0", &[0; 64])]);
    let entry = overlapping.windows(4).rposition(|at| at == b"PK\x01\x02").expect("an entry");
    overlapping[entry + 42..entry + 46].fill(0);
    let used = [b"\x80\x02".as_slice(), &tensor(4, 0, &[4], &[1]), b"."].concat();
    assert!(in_a_second(&overlapping).expect("the storage is not used").is_empty());
    let mut overlapping = support::zip(&[("a/data.pkl", &used), ("a/data/0", &[0; 64])]);
    let entry = overlapping.windows(4).rposition(|at| at == b"PK\x01\x02").expect("an entry");
    overlapping[entry + 42..entry + 46].fill(0);
    assert_refused(&overlapping, "CHECKPOINT_UNREADABLE", "has no entry 'a/data/0'");
}

/// A legacy file: the three pickles before the object, the object, its storages' keys, the rest.
fn legacy(object: &[u8], keys: &[u8], rest: &[u8]) -> Vec<u8> {
    [
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.".as_slice(),
        b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.\x80\x02",
        object,
        b".\x80\x02",
        keys,
        b".",
        rest,
    ]
    .concat()
}

#[test]
fn legacy_files_that_lie_about_their_storages_are_refused() {
    let keys = [b"](".as_slice(), &text("0"), b"e"].concat();
    let object = tensor(4, 0, &[4], &[1]);
    let good = [4_u64.to_le_bytes().as_slice(), &[7; 16]].concat();
    let state = in_a_second(&legacy(&object, &keys, &good)).expect("a good file");
    assert_eq!(data(state), [7; 16]);
    for count in [5, 1 << 40, u64::MAX] {
        let lying = [count.to_le_bytes().as_slice(), &[7; 16]].concat();
        let file = legacy(&object, &keys, &lying);
        assert_refused(&file, "CHECKPOINT_TRUNCATED", "ends inside storage '0'");
    }
    let short = [3_u64.to_le_bytes().as_slice(), &[7; 12]].concat();
    assert_refused(&legacy(&object, &keys, &short), "CHECKPOINT_TRUNCATED", "4 elements");
    assert_refused(&legacy(&object, b"]", &[]), "CHECKPOINT_TRUNCATED", "lacks the storage '0'");
    assert_refused(&legacy(&object, b"}", &[]), "CHECKPOINT_UNREADABLE", "no list of storages");
    let unknown = [b"](".as_slice(), &text("9"), b"e"].concat();
    assert_refused(&legacy(&object, &unknown, &good), "CHECKPOINT_UNREADABLE", "of no tensor");
    let doubled = [b"](".as_slice(), &text("0"), &text("0"), b"e"].concat();
    let rest = good.repeat(2);
    assert_refused(&legacy(&object, &doubled, &rest), "CHECKPOINT_UNREADABLE", "'0' twice");
    let mut big_endian = legacy(&object, &keys, &good);
    let at = big_endian.windows(2).position(|at| at == b"\x88s").expect("the mark");
    big_endian[at] = 0x89;
    assert_refused(&big_endian, "CHECKPOINT_REFUSED", "little-endian");
}

#[test]
fn safetensors_headers_that_lie_are_refused() {
    let file = |header: &str, data: usize| {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data]].concat()
    };
    let row = |shape: &str, end: u64| {
        format!("{{\"w\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}")
    };
    assert_eq!(data(in_a_second(&file(&row("[2]", 8), 8)).expect("a tensor")), [0; 8]);
    let far = file(&row("[1099511627776]", 1 << 42), 8);
    assert_refused(&far, "CHECKPOINT_TRUNCATED", "ends too early");
    let overflow = file(&row("[4294967296,4294967296,4294967296]", 8), 8);
    assert_refused(&overflow, "CHECKPOINT_UNREADABLE", "overflow");
    assert_refused(&file(&row("[2]", 8), 9), "CHECKPOINT_UNREADABLE", "9 found");
    let complex = file(&row("[1]", 8).replace("F32", "C64"), 8);
    assert_refused(&complex, "CHECKPOINT_REFUSED", "C64");
    let mut long = file(&row("[2]", 8), 8);
    long[..8].copy_from_slice(&(1_u64 << 31).to_le_bytes());
    assert_refused(&long, "CHECKPOINT_TOO_LARGE", "safetensors header");
    long[..8].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    assert_refused(&long, "CHECKPOINT_TRUNCATED", "safetensors header");
}
