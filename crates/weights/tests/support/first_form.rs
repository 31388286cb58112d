//! Checkpoints as PyTorch wrote them in its first months, built byte by byte.

/// A text as Python 2 pickles it.
pub fn text(text: &str) -> Vec<u8> {
    [b"U".as_slice(), &[text.len() as u8], text.as_bytes()].concat()
}

/// An integer of 32 bits.
pub fn integer(value: i32) -> Vec<u8> {
    [b"J".as_slice(), &value.to_le_bytes()].concat()
}

/// A whole pickle.
pub fn pickle(instructions: &[u8]) -> Vec<u8> {
    [b"\x80\x02", instructions, b"."].concat()
}

/// Elements of a float storage.
pub fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A tar archive of files.
pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, data) in members {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[108..115].copy_from_slice(b"0000000");
        header[116..123].copy_from_slice(b"0000000");
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[136..147].copy_from_slice(b"00000000000");
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend_from_slice(data);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// One entry of the tensors' file: number 7 in storage 5, and its shape.
pub fn tensor_entry(
    key: i32,
    storage: i32,
    sizes: &[i64],
    strides: &[i64],
    offset: i64,
) -> Vec<u8> {
    let entry = [integer(key), integer(storage), b"ctorch\nFloatTensor\n".to_vec()].concat();
    let mut bytes = pickle(&[b"(".as_slice(), &entry, b"t"].concat());
    bytes.extend((sizes.len() as i32).to_le_bytes());
    bytes.extend([0; 4]);
    for value in sizes.iter().chain(strides).chain([&offset]) {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

/// A checkpoint of the first form: a parameter that is told its tensor, one that is called with
/// it, and a plain tensor in a view of the same storage.
pub fn archive(count: i64) -> Vec<u8> {
    let storage = [integer(5), text("cpu"), b"ctorch\nFloatStorage\n".to_vec()].concat();
    let view = [b"(".as_slice(), &integer(6), &integer(5), &integer(2), &integer(3), b"t"].concat();
    let storages = [
        pickle(&integer(1)),
        pickle(&[b"(".as_slice(), &storage, b"t"].concat()),
        count.to_le_bytes().to_vec(),
        floats(&[1., 2., 3., 4., 5., 6.]),
        pickle(&[b"]".as_slice(), &view, b"a"].concat()),
    ]
    .concat();
    let tensors = [
        pickle(&integer(2)),
        tensor_entry(7, 5, &[2, 3], &[3, 1], 0),
        tensor_entry(8, 6, &[2], &[2], 0),
    ]
    .concat();
    let parameter = b"ctorch.nn.parameter\nParameter\n";
    let told = [parameter.as_slice(), b")\x81q\x01(", &text("7"), b"QN}\x88\x89tb"].concat();
    let called = [parameter.as_slice(), &text("8"), b"Q\x85R(\x88\x89}tb"].concat();
    let items = [
        b"](]".as_slice(),
        b"(",
        &text("conv.weight"),
        &told,
        b"e",
        b"](",
        &text("conv.bias"),
        &called,
        b"e",
        b"](",
        &text("bn.running_mean"),
        &text("8"),
        b"Qe",
        b"](",
        &text("tied"),
        b"h\x01ee",
    ]
    .concat();
    let object = [b"ccollections\nOrderedDict\n".as_slice(), &items, b"\x85R"].concat();
    let system = [b"}".as_slice(), &text("little_endian"), b"\x88s"].concat();
    tar(&[
        ("sys_info", &pickle(&system)),
        ("storages", &storages),
        ("tensors", &tensors),
        ("pickle", &pickle(&object)),
    ])
}
