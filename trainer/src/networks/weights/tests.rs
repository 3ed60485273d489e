//! Laws of weight files. The pickles were written by Python's own `pickle`, with the calls that `torch.save` makes.

mod torchvision;

use std::io::{Cursor, Write as _};

use zip::write::FileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::onnx::Parameter;
use super::{LEGACY_START, decode, read};

/// `OrderedDict` of `conv.weight` (storage 0, shape 2 x 3, strides 1 and 2), `bn.bias` (half precision, storage 1) and
/// the integer `bn.num_batches_tracked` (storage 2).
const STATE: &[u8] = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x0b\x00\x00\x00conv.weightq\x02\
ctorch._utils\n_rebuild_tensor_v2\nq\x03((X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06\
X\x03\x00\x00\x00cpuq\x07K\x06tq\x08QK\x00K\x02K\x03\x86q\tK\x01K\x02\x86q\n\x89h\x00)Rq\x0btq\x0cRq\r\
X\x07\x00\x00\x00bn.biasq\x0eh\x03((h\x04ctorch\nHalfStorage\nq\x0fX\x01\x00\x00\x001q\x10h\x07K\x02tq\x11Q\
K\x00K\x02\x85q\x12K\x01\x85q\x13\x89h\x00)Rq\x14tq\x15Rq\x16X\x16\x00\x00\x00bn.num_batches_trackedq\x17\
h\x03((h\x04ctorch\nLongStorage\nq\x18X\x01\x00\x00\x002q\x19h\x07K\x01tq\x1aQK\x00))\x89h\x00)Rq\x1btq\x1cRq\x1du.";

/// What the older format has before the state: magic number, version, and the writer's properties.
const LEGACY_HEAD: &[u8] = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00(\
X\r\x00\x00\x00little_endianq\x01\x88X\x10\x00\x00\x00protocol_versionq\x02M\xe9\x03u.";

/// The keys `0`, `1` and `2`, after the state.
const LEGACY_KEYS: &[u8] = b"\x80\x02]q\x00(X\x01\x00\x00\x000q\x01X\x01\x00\x00\x001q\x02X\x01\x00\x00\x002q\x03e.";

/// Elements of the storages: 0 to 5, then 0.5 and -2 in half precision (IEEE 754), then 7.
fn storages() -> [Vec<u8>; 3] {
    let floats = (0..6_u8).flat_map(|value| f32::from(value).to_le_bytes()).collect();
    [floats, vec![0x00, 0x38, 0x00, 0xc0], 7_i64.to_le_bytes().to_vec()]
}

fn archive(state: &[u8], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = FileOptions::default().compression_method(method);
    let mut add = |name: String, bytes: &[u8]| {
        writer.start_file(name, options).unwrap();
        writer.write_all(bytes).unwrap();
    };
    add("archive/data.pkl".to_owned(), state);
    add("archive/byteorder".to_owned(), b"little");
    for (key, bytes) in storages().iter().enumerate() {
        add(format!("archive/data/{key}"), bytes);
    }
    writer.finish().unwrap().into_inner()
}

fn legacy(state: &[u8]) -> Vec<u8> {
    let mut file = [LEGACY_HEAD, state, LEGACY_KEYS].concat();
    for (bytes, count) in storages().iter().zip([6_i64, 2, 1]) {
        file.extend(count.to_le_bytes());
        file.extend(bytes);
    }
    file
}

fn expected() -> Vec<(String, Parameter)> {
    let weight = Parameter { shape: vec![2, 3], data: vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0] };
    let bias = Parameter { shape: vec![2], data: vec![0.5, -2.0] };
    vec![("conv.weight".to_owned(), weight), ("bn.bias".to_owned(), bias)]
}

/// The state with `from` replaced once.
fn altered(from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = STATE.windows(from.len()).position(|window| window == from).unwrap();
    [&STATE[..at], to, &STATE[at + from.len()..]].concat()
}

fn refusal(file: &[u8]) -> String {
    format!("{:#}", decode(file).unwrap_err())
}

fn refused_state(state: &[u8]) -> String {
    refusal(&archive(state, CompressionMethod::Stored))
}

#[test]
fn both_formats_of_pytorch_give_the_tensors_in_row_major_order() {
    assert_eq!(decode(&archive(STATE, CompressionMethod::Stored)).unwrap(), expected());
    assert!(LEGACY_HEAD.starts_with(LEGACY_START));
    assert_eq!(decode(&legacy(STATE)).unwrap(), expected());
}

#[test]
fn a_checkpoint_of_training_gives_its_state_dictionary() {
    let checkpoint = [b"\x80\x02}(U\x05epochK\x07U\nstate_dict", &STATE[2..STATE.len() - 1], b"u."].concat();
    assert_eq!(decode(&archive(&checkpoint, CompressionMethod::Stored)).unwrap(), expected());
}

#[test]
fn safetensors_give_floats_of_any_width() {
    let [floats, halves, _] = storages();
    let view = |kind, shape: &[usize], data| safetensors::tensor::TensorView::new(kind, shape.to_vec(), data).unwrap();
    let tensors = [
        ("a", view(safetensors::Dtype::F32, &[2, 3], &floats[..])),
        ("b", view(safetensors::Dtype::F16, &[2], &halves[..])),
        ("c", view(safetensors::Dtype::I32, &[1], &[0; 4])),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let mut found = read(&path).unwrap();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let weight = Parameter { shape: vec![2, 3], data: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0] };
    assert_eq!(found, [("a".to_owned(), weight), ("b".to_owned(), expected()[1].1.clone())]);
}

#[test]
fn names_that_a_state_dictionary_does_not_need_are_refused_with_their_byte() {
    let message = refused_state(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.");
    assert_eq!(message, "entry archive/data.pkl: byte 2 of the pickle: refused name os.system");
    let message = refused_state(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.");
    assert_eq!(message, "entry archive/data.pkl: byte 18 of the pickle: refused name builtins.eval");
    assert!(refused_state(b"\x80\x02\x81.").contains("byte 2 of the pickle: instruction 0x81 has no place"));
}

#[test]
fn tensors_beyond_their_storage_are_named() {
    let overlong = refused_state(&altered(b"K\x02K\x03\x86q\t", b"K\x02K\x04\x86q\t"));
    assert!(overlong.starts_with("tensor conv.weight: shape [2, 4] in storage 0 of 6 elements"), "{overlong}");
    let beyond = refused_state(&altered(b"K\x01K\x02\x86q\n", b"K\x03K\x02\x86q\n"));
    assert_eq!(beyond, "tensor conv.weight: element [1, 2] lies beyond storage 0");
    let absent = refused_state(&altered(b"X\x01\x00\x00\x001q\x10", b"X\x01\x00\x00\x009q\x10"));
    assert!(absent.starts_with("tensor bn.bias: entry archive/data/9: "), "{absent}");
    let unequal = refused_state(&altered(b"K\x01\x85q\x13", b")q\x13"));
    assert_eq!(unequal, "tensor bn.bias: shape [2] has strides []");
}

#[test]
fn a_short_pickle_cannot_build_much() {
    // A list of 200 pairs, made a dictionary again and again.
    let pairs = [&b"\x80\x02]q\x00("[..], &b"NN\x86".repeat(200), b"e0ccollections\nOrderedDict\nq\x01"].concat();
    let state = [&pairs[..], &b"h\x01h\x00\x85R0".repeat(100), b"N."].concat();
    assert!(refused_state(&state).ends_with("more is built than the pickle is long"));
}

#[test]
fn what_is_no_state_dictionary_is_said() {
    assert!(refused_state(b"\x80\x02K\x01.").ends_with("the file holds no dictionary"));
    assert!(refused_state(b"\x80\x02}.").ends_with("without a state dictionary of tensors"));
    assert!(refusal(b"neither of them").starts_with("as safetensors"));
    assert!(refusal(b"\x80\x02\x8a\x0a0123456789.").starts_with("byte 0: a pickle, but not one of PyTorch"));
}

#[test]
fn a_file_cut_anywhere_or_with_any_byte_changed_is_read_or_refused() {
    for file in [archive(STATE, CompressionMethod::Stored), legacy(STATE)] {
        for length in 0..file.len() {
            assert!(decode(&file[..length]).is_err(), "cut to {length} bytes");
        }
        for place in 0..file.len() {
            for flip in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = file.clone();
                changed[place] ^= flip;
                // Either is right; neither may panic or take memory without end.
                let _ = decode(&changed);
            }
        }
    }
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.pth");
    std::fs::write(&path, &legacy(STATE)[..300]).unwrap();
    let message = format!("{:#}", read(&path).unwrap_err());
    assert!(message.contains("broken.pth") && message.contains("the pickle at byte 76"), "{message}");
    assert!(format!("{:#}", read(&folder.path().join("absent.pth")).unwrap_err()).contains("absent.pth: no such file"));
}
