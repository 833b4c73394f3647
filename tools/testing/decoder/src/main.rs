// SPDX-License-Identifier: GPL-2.0

//! A second reader of streams besides ffmpeg: decodes a byte stream with OpenH264 and
//! prints the MD5 of each picture as planar 4:2:0.
//!
//! Nothing is concealed: what cannot be decoded ends the program with an error.

#![forbid(unsafe_code)]

mod access_units;

use access_units::access_units;
use md5::{
    Digest,
    Md5, //
};
use openh264::{
    decoder::{
        DecodedYUV,
        Decoder,
        DecoderConfig,
        Flush, //
    },
    formats::YUVSource,
    OpenH264API, //
};
use std::{
    env,
    fs,
    path::PathBuf,
    process::ExitCode, //
};

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let (Some(path), None) = (args.next(), args.next()) else {
        eprintln!("usage: slenc-decode STREAM");
        return ExitCode::from(2);
    };
    let decoded = fs::read(&path)
        .map_err(|err| err.to_string())
        .and_then(|stream| decode(&stream));
    match decoded {
        Ok(pictures) => {
            for md5 in pictures {
                println!("{md5}");
            }
            ExitCode::SUCCESS
        }
        Err(err) => {
            eprintln!("slenc-decode: {}: {err}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// The MD5s of the pictures of a stream, or the access unit that cannot be decoded and why.
fn decode(stream: &[u8]) -> Result<Vec<String>, String> {
    // OpenH264 keeps pictures back above Baseline profile. Flushing after each, as the
    // crate does otherwise, leaves it without memory after some.
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    let mut decoder = Decoder::with_api_config(OpenH264API::from_source(), config)
        .map_err(|err| err.to_string())?;
    let mut pictures = Vec::new();
    for (number, unit) in access_units(stream).into_iter().enumerate() {
        let picture = decoder
            .decode(unit)
            .map_err(|err| format!("access unit {number}: {err}"))?;
        pictures.extend(picture.as_ref().map(md5));
    }
    let rest = decoder.flush_remaining().map_err(|err| err.to_string())?;
    pictures.extend(rest.iter().map(md5));
    if pictures.is_empty() {
        return Err("no picture comes out".into());
    }
    Ok(pictures)
}

/// The MD5 of the samples, without what is between the lines.
fn md5(picture: &DecodedYUV<'_>) -> String {
    let (width, height) = picture.dimensions();
    let (strides, mut md5) = (picture.strides(), Md5::new());
    for (samples, stride, (width, height)) in [
        (picture.y(), strides.0, (width, height)),
        (picture.u(), strides.1, (width / 2, height / 2)),
        (picture.v(), strides.2, (width / 2, height / 2)),
    ] {
        for line in samples.chunks(stride).take(height) {
            md5.update(&line[..width]);
        }
    }
    format!("{:x}", md5.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of a picture of 16x16, of one I_PCM macroblock.
    fn pcm(luma: u8) -> Vec<u8> {
        // Baseline profile, level 1, POC type 2; CAVLC, QP 26.
        let mut stream = vec![0, 0, 0, 1, 0x67, 66, 0xc0, 10, 0xda, 0x79];
        stream.extend([0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80]);
        // An IDR picture: the header of its slice, mb_type 25, and zeros up to a byte.
        stream.extend([0, 0, 0, 1, 0x65, 0x88, 0x84, 0x86, 0x80]);
        stream.extend([luma; 256]);
        stream.extend([128; 128]);
        stream.push(0x80);
        stream
    }

    #[test]
    fn samples_come_out_as_they_went_in() {
        let expected = Md5::new()
            .chain_update([100; 256])
            .chain_update([128; 128])
            .finalize();
        let expected = format!("{expected:x}");
        assert_eq!(decode(&pcm(100)), Ok(vec![expected.clone()]));
        assert_ne!(decode(&pcm(101)), Ok(vec![expected]));
    }

    #[test]
    fn what_is_broken_is_an_error() {
        assert!(decode(&[]).is_err());
        assert!(decode(b"nothing").is_err());
        let whole = pcm(100);
        assert!(decode(&whole[..whole.len() - 200]).is_err());
        assert!(decode(&whole[10..]).is_err(), "without its SPS");
    }
}
