use super::fixture::*;
use super::*;

fn archive(deflated: bool) -> Vec<u8> {
    let arrays = [
        ("azimuth", scalar(4.5)),
        ("box", vector(&[1.0, 2.0, 3.0])),
        ("viewport", npy("<u2", "()", &3000u16.to_le_bytes())),
        ("down", npy("<i2", "(2,)", &[0xff, 0xff, 1, 0])),
        ("half", npy(">f2", "()", &[0x3e, 0x00])),
        ("mask", mask(3, 2, |x, _| x == 2)),
        ("name", npy("<U2", "()", &[0; 8])),
        ("occ_mask", npy("|O", "()", b"\x80\x03N.")),
    ];
    npz(&arrays, deflated)
}

#[test]
fn arrays_come_back_stored_and_deflated() {
    for bytes in [archive(false), archive(true)] {
        let mut npz = Npz::open(&bytes).unwrap();
        assert_eq!(npz.number("azimuth"), Ok(4.5));
        assert_eq!(npz.numbers("box"), Ok([1.0, 2.0, 3.0]));
        assert_eq!(npz.number("viewport"), Ok(3000.0));
        assert_eq!(npz.numbers("down"), Ok([-1.0, 1.0]));
        assert_eq!(npz.number("half"), Ok(1.5));
        let mask = npz.array("mask").unwrap();
        assert_eq!(mask.shape, [2, 3]);
        assert_eq!(mask.nonzero().collect::<Vec<_>>(), [false, false, true, false, false, true]);
    }
}

#[test]
fn what_cannot_be_read_is_said_by_array() {
    let bytes = archive(false);
    let mut npz = Npz::open(&bytes).unwrap();
    assert_eq!(npz.array("occ_mask").unwrap_err().to_string(), "array occ_mask: pickled objects are not read");
    assert!(npz.array("name").unwrap_err().to_string().contains("neither a number"));
    assert!(npz.array("theta").unwrap_err().to_string().starts_with("array theta: "));
    assert_eq!(npz.numbers::<2>("box").unwrap_err().to_string(), "array box: 3 numbers, not 2");
    let bytes = super::fixture::npz(&[("x", scalar(f64::NAN))], false);
    assert!(Npz::open(&bytes).unwrap().number("x").is_err());
}

#[test]
fn a_shape_that_does_not_fit_its_data_is_refused() {
    for shape in ["(3,)", "(18446744073709551615, 18446744073709551615)", "(-1,)", "x"] {
        let bytes = npz(&[("x", npy("<f8", shape, &[0; 16]))], false);
        assert!(Npz::open(&bytes).unwrap().array("x").is_err(), "{shape}");
    }
}

fn read_all(bytes: &[u8]) -> Result<(), NpzError> {
    let mut npz = Npz::open(bytes)?;
    for name in ["azimuth", "box", "viewport", "down", "half", "mask"] {
        npz.array(name)?;
    }
    Ok(())
}

#[test]
fn a_cut_archive_is_an_error_at_every_byte() {
    for bytes in [archive(false), archive(true)] {
        read_all(&bytes).unwrap();
        for end in 0..bytes.len() {
            assert!(read_all(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
        }
    }
}

#[test]
fn a_cut_array_is_an_error_at_every_byte() {
    let bytes = vector(&[1.0, 2.0]);
    for end in 0..bytes.len() {
        assert!(npy::parse(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
    }
}

#[test]
fn flipped_bytes_never_panic() {
    for bytes in [archive(false), archive(true)] {
        for at in 0..bytes.len() {
            for mask in [0x01, 0x10, 0x80, 0xff] {
                let mut flipped = bytes.clone();
                flipped[at] ^= mask;
                let _ = read_all(&flipped);
            }
        }
    }
}
