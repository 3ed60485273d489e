//! The bytes below were written by meshoptimizer's own encoder (release 0.2.30 of its Python package) from [`grid`].

use base64::Engine;

use super::*;

const VERTICES: &str = "oP8HAMjIyMjIyMjIP8jIyMjIyMjIP8jIyMjIyMjIP8jIyMjIyMjIP8jIyMjIyMjIP8jIyMjIyMjIP8jIyMjIyMjIP8jIyMjIyMjIP8jIyMjIyMjAAAAAyFUFAgiwggUsIIsIBQUiwgiwBQWCLCCLBQUIIsIIBYAAAABVAQAAMADIDAADAMjIAMAAMMjIAAwAA8jIAADAAMhEAQAAAgAACAAAAACAAP8HAErejQaaoT2GKUrejQbK0T2GKUrejQbK0T2GKUrejQbK0Q1WKUrejQbK0Q1WKUrejTaa0Q1WKUrejTaa0Q1WKUrejTaa0Q2GWUreXQaaoT3AAAAAhqUGAq/QrgMEAwP0q+UKBAMFBFQ0ECAjI0ECJSQ0EAJSQ0ECBUIxQgUiNMAAAAADAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM/gAA";
const TRIANGLES: &str = "4f4eEA4QDhAOEA4QDhAOEA7+HhAOEA4QDhAOEA4QDhAO/h4QDhAOEA4QDhAOEA4QDv4eEA4QDhAOEA4QDhAOEA7+HhAOEA4QDhAOEA4QDhAO/h4QDhAOEA4QDhAOEA4QDv4eEA4QDhAOEA4QDhAOEA7+HhAOEA4QDhAOEA4QDhAO//8PEg8CDwIPAg8CDwIPAg8C/wCfAVCvSRIAdodWZ3iphmWJaJgBaQAA";
const TRIANGLES_V0: &str = "4P4fEA8QDxAPEA8QDxAPEA/+HxAPEA8QDxAPEA8QDxAP/h8QDxAPEA8QDxAPEA8QD/4fEA8QDxAPEA8QDxAPEA/+HxAPEA8QDxAPEA8QDxAP/h8QDxAPEA8QDxAPEA8QD/4fEA8QDxAPEA8QDxAPEA/+HxAPEA8QDxAPEA8QDxAP//8PEgICAgICAgICDwICAgICAgICAg8CAgICAgICAgIPAgICAgICAgICDwICAgICAgICAg8CAgICAgICAgIPAgICAgICAgICDwICAgICAgICAv8AnwFQr0kSAHaHVmd4qYZliWiYAWkAAA==";
const SEQUENCE: &str = "0Y0CBSEfJQMfBSEfJQMfBSEfJQMfBSEfJQMFAJ8BDJUBJAAAAAA=";

fn bytes(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// 81 vertices of four 16-bit numbers, and the triangles of a 9 x 9 grid followed by two that jump.
fn grid() -> (Vec<u8>, Vec<[u32; 3]>) {
    let vertex = |i: i16| {
        let (x, y) = (i % 9, i / 9);
        [x * 100, y * 100, (x * x * 37 + y * 91) % 1000 - 500, 0]
    };
    let vertices = (0..81).flat_map(vertex).flat_map(i16::to_le_bytes).collect();
    let cell = |i: u32| {
        let a = i / 8 * 9 + i % 8;
        [[a, a + 1, a + 9], [a + 1, a + 10, a + 9]]
    };
    let jumps = [[80, 0, 40], [3, 77, 12]];
    (vertices, (0..64).flat_map(cell).chain(jumps).collect())
}

/// The codec keeps winding but may begin a triangle at another corner.
fn canonical(indices: &[u32]) -> Vec<[u32; 3]> {
    let turn = |t: &[u32]| [[t[0], t[1], t[2]], [t[1], t[2], t[0]], [t[2], t[0], t[1]]].into_iter().min().unwrap();
    indices.chunks(3).map(turn).collect()
}

#[test]
fn vertices_of_the_reference_encoder_come_back() {
    assert_eq!(decode_vertices(&bytes(VERTICES), 81, 8).unwrap(), grid().0);
}

#[test]
fn triangles_of_the_reference_encoder_come_back_in_both_versions() {
    let (_, triangles) = grid();
    for text in [TRIANGLES, TRIANGLES_V0] {
        let decoded = decode_triangles(&bytes(text), triangles.len() * 3).unwrap();
        assert_eq!(canonical(&decoded), canonical(triangles.as_flattened()));
    }
}

#[test]
fn index_sequences_of_the_reference_encoder_come_back() {
    let (_, triangles) = grid();
    let indices = triangles.as_flattened();
    assert_eq!(decode_indices(&bytes(SEQUENCE), 30).unwrap(), indices[indices.len() - 30..]);
}

#[test]
fn exponential_filter_scales_the_mantissa() {
    let word = |exponent: i32, mantissa: i32| (exponent << 24 | mantissa & 0x00ff_ffff).to_le_bytes();
    let mut bytes = [word(-2, 3), word(3, -5), word(0, 0)].concat();
    apply_exponential_filter(&mut bytes);
    assert_eq!(bytes, [0.75_f32, -40.0, 0.0].map(f32::to_le_bytes).concat());
}

#[test]
fn damage_is_an_error_or_wrong_numbers_and_never_a_panic() {
    let run = |which: usize, b: &[u8]| match which {
        0 => decode_vertices(b, 81, 8).is_ok(),
        1 => decode_triangles(b, 390).is_ok(),
        _ => decode_indices(b, 30).is_ok(),
    };
    for (which, text) in [VERTICES, TRIANGLES, SEQUENCE].into_iter().enumerate() {
        let whole = bytes(text);
        for end in 0..whole.len() {
            run(which, &whole[..end]);
        }
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            run(which, &damaged);
        }
    }
    assert!(decode_vertices(&bytes(VERTICES), usize::MAX / 8, 8).unwrap_err().contains("cannot come from"));
    assert!(decode_vertices(&bytes(VERTICES), 81, 6).unwrap_err().contains("stride"));
    assert!(decode_triangles(&bytes(TRIANGLES), 391).unwrap_err().contains("no triangles"));
    assert!(indices_as_bytes(&[65_536], 2).is_err());
}
