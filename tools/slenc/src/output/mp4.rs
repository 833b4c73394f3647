// SPDX-License-Identifier: GPL-2.0

//! One H.264 track in an MP4 file (ISO/IEC 14496-12 and 14496-15).
//!
//! The file is ftyp, mdat, moov: samples are written as they come, and the
//! tables that describe them at the end. Parameter sets are in the sample entry
//! (avc1) and not in the samples.

use super::{
    annexb::{
        nal_type,
        unit_type,
        NalUnits, //
    },
    Track,
};
use crate::error::{
    Context,
    Error,
    Result, //
};
use mp4_atom::{
    Avc1,
    Avcc,
    AvccExt,
    Co64,
    Codec,
    Dinf,
    Dref,
    FourCC,
    Ftyp,
    Hdlr,
    Mdhd,
    Mdia,
    Minf,
    Moov,
    Mvhd,
    Stbl,
    Stco,
    Stsc,
    StscEntry,
    Stsd,
    Stss,
    Stsz,
    StszSamples,
    Stts,
    SttsEntry,
    Tkhd,
    Trak,
    Url,
    Visual,
    Vmhd,
    WriteTo, //
};
use std::io::{
    self,
    Seek,
    SeekFrom,
    Write, //
};

/// Samples that lie together: players read and index whole chunks.
const SAMPLES_PER_CHUNK: u32 = 32;

/// mdat's header with a 64-bit size, which no clip is too long for.
const MDAT_HEADER: u64 = 16;

/// Ticks per second are multiplied up to this, as players expect.
const MIN_TIMESCALE: u32 = 10_000;

/// Writes an MP4 file.
pub struct Muxer<W> {
    out: W,
    track: Track,
    sps: Vec<u8>,
    pps: Vec<u8>,
    mdat: u64,
    end: u64,
    sizes: Vec<u32>,
    sync: Vec<u32>,
    chunks: Vec<u64>,
    sample: Vec<u8>,
}

impl<W: Write + Seek> Muxer<W> {
    /// Begins a file.
    pub fn new(mut out: W, track: Track) -> io::Result<Self> {
        let ftyp = Ftyp {
            major_brand: FourCC::new(b"isom"),
            minor_version: 512,
            compatible_brands: [b"isom", b"iso2", b"avc1", b"mp41"].map(FourCC::new).into(),
        };
        ftyp.write_to(&mut out).map_err(io::Error::other)?;
        let mdat = out.stream_position()?;
        write_mdat_header(&mut out, MDAT_HEADER)?;
        Ok(Self {
            out,
            track,
            sps: Vec::new(),
            pps: Vec::new(),
            mdat,
            end: mdat + MDAT_HEADER,
            sizes: Vec::new(),
            sync: Vec::new(),
            chunks: Vec::new(),
            sample: Vec::new(),
        })
    }

    /// Adds an access unit in the form of Annex B.
    pub fn write(&mut self, access_unit: &[u8]) -> Result<()> {
        let mut is_sync = false;
        self.sample.clear();
        for nal in NalUnits::new(access_unit) {
            match unit_type(nal) {
                nal_type::SPS => keep(&mut self.sps, nal)?,
                nal_type::PPS => keep(&mut self.pps, nal)?,
                // 14496-15 does not want delimiters, and filler is of no use
                // outside of a byte stream.
                nal_type::AUD | nal_type::FILLER => {}
                kind => {
                    is_sync |= kind == nal_type::IDR_SLICE;
                    let length = u32::try_from(nal.len()).context("a NAL unit")?;
                    self.sample.extend_from_slice(&length.to_be_bytes());
                    self.sample.extend_from_slice(nal);
                }
            }
        }
        if self.sample.is_empty() {
            return Err(Error::new("the encoder gave a picture without slices"));
        }
        let size = u32::try_from(self.sample.len()).context("a coded picture")?;
        self.out.write_all(&self.sample).context("writing MP4")?;
        if self.sizes.len() as u32 % SAMPLES_PER_CHUNK == 0 {
            self.chunks.push(self.end);
        }
        self.end += u64::from(size);
        self.sizes.push(size);
        if is_sync {
            self.sync.push(self.sizes.len() as u32);
        }
        Ok(())
    }

    /// Writes the tables and returns what was written to.
    pub fn finish(mut self) -> Result<W> {
        let moov = self.moov()?;
        let what = "writing MP4";
        moov.write_to(&mut self.out).context(what)?;
        self.out
            .seek(SeekFrom::Start(self.mdat))
            .and_then(|_| write_mdat_header(&mut self.out, self.end - self.mdat))
            .and_then(|()| self.out.seek(SeekFrom::End(0)))
            .context(what)?;
        Ok(self.out)
    }

    fn moov(&self) -> Result<Moov> {
        let (timescale, delta) = self.timing();
        let duration = self.sizes.len() as u64 * u64::from(delta);
        Ok(Moov {
            mvhd: Mvhd {
                timescale,
                duration,
                rate: 1.into(),
                volume: 1.into(),
                next_track_id: 2,
                ..Mvhd::default()
            },
            trak: vec![Trak {
                tkhd: Tkhd {
                    track_id: 1,
                    duration,
                    enabled: true,
                    in_movie: true,
                    width: (self.track.width as u16).into(),
                    height: (self.track.height as u16).into(),
                    ..Tkhd::default()
                },
                mdia: Mdia {
                    mdhd: Mdhd {
                        timescale,
                        duration,
                        language: "und".into(),
                        ..Mdhd::default()
                    },
                    hdlr: Hdlr {
                        handler: FourCC::new(b"vide"),
                        name: "video".into(),
                    },
                    minf: Minf {
                        vmhd: Some(Vmhd::default()),
                        dinf: Dinf {
                            dref: Dref {
                                // An empty location: the samples are in this file.
                                urls: vec![Url {
                                    location: String::new(),
                                }],
                            },
                        },
                        stbl: self.stbl(delta)?,
                        ..Minf::default()
                    },
                },
                ..Trak::default()
            }],
            ..Moov::default()
        })
    }

    /// The sample tables.
    fn stbl(&self, delta: u32) -> Result<Stbl> {
        let count = self.sizes.len() as u32;
        let chunks = self.chunks.len() as u32;
        let (full, rest) = (count / SAMPLES_PER_CHUNK, count % SAMPLES_PER_CHUNK);
        let entry = |first_chunk, samples_per_chunk| StscEntry {
            first_chunk,
            samples_per_chunk,
            sample_description_index: 1,
        };
        let mut stsc = Vec::new();
        if full > 0 {
            stsc.push(entry(1, SAMPLES_PER_CHUNK));
        }
        if rest > 0 {
            stsc.push(entry(chunks, rest));
        }
        let offsets: std::result::Result<Vec<u32>, _> =
            self.chunks.iter().map(|&at| u32::try_from(at)).collect();
        let (stco, co64) = match offsets {
            Ok(entries) => (Some(Stco { entries }), None),
            Err(_) => (
                None,
                Some(Co64 {
                    entries: self.chunks.clone(),
                }),
            ),
        };
        Ok(Stbl {
            stsd: Stsd {
                codecs: vec![Codec::Avc1(Avc1 {
                    visual: Visual {
                        data_reference_index: 1,
                        width: self.track.width as u16,
                        height: self.track.height as u16,
                        ..Visual::default()
                    },
                    avcc: self.avcc()?,
                    ..Avc1::default()
                })],
            },
            stts: Stts {
                entries: vec![SttsEntry {
                    sample_count: count,
                    sample_delta: delta,
                }],
            },
            // Without the table every sample would be a sync sample.
            stss: Some(Stss {
                entries: self.sync.clone(),
            }),
            stsc: Stsc { entries: stsc },
            stsz: Stsz {
                samples: StszSamples::Different {
                    sizes: self.sizes.clone(),
                },
            },
            stco,
            co64,
            ..Stbl::default()
        })
    }

    fn avcc(&self) -> Result<Avcc> {
        if self.sps.is_empty() || self.pps.is_empty() {
            return Err(Error::new(
                "the encoder gave no parameter sets, without which an MP4 file cannot be played",
            ));
        }
        let mut avcc = Avcc::new(&self.sps, &self.pps).context("the sequence parameter set")?;
        // 14496-15, 5.3.3.1: the High profiles also say the sample format, here
        // always 4:2:0 with 8 bits.
        if matches!(avcc.avc_profile_indication, 100 | 110 | 122 | 144) {
            avcc.ext = Some(AvccExt::default());
        }
        Ok(avcc)
    }

    /// Ticks per second, and ticks of a picture.
    fn timing(&self) -> (u32, u32) {
        let (mut timescale, mut delta) = self.track.frame_rate.parts();
        while timescale < MIN_TIMESCALE && delta < u32::MAX / 2 {
            timescale *= 2;
            delta *= 2;
        }
        (timescale, delta)
    }
}

/// Remembers a parameter set: the file has one of each kind.
fn keep(known: &mut Vec<u8>, nal: &[u8]) -> Result<()> {
    if known.is_empty() {
        known.extend_from_slice(nal);
    } else if known != nal {
        return Err(Error::new(
            "the parameter sets changed within the video, which one MP4 track cannot hold",
        )
        .remedy("write a byte stream (.h264) instead"));
    }
    Ok(())
}

fn write_mdat_header(out: &mut impl Write, size: u64) -> io::Result<()> {
    // A size of 1 says that the 64-bit size follows the type.
    out.write_all(&1u32.to_be_bytes())?;
    out.write_all(b"mdat")?;
    out.write_all(&size.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Fraction;
    use mp4_atom::{
        Any,
        ReadFrom, //
    };
    use std::io::Cursor;

    const TRACK: Track = Track {
        width: 18,
        height: 16,
        frame_rate: Fraction::new(30_000, 1_001),
    };
    const SPS: [u8; 5] = [0x67, 66, 0xc0, 30, 9];
    const PPS: [u8; 2] = [0x68, 9];

    fn unit(nal: &[u8]) -> Vec<u8> {
        [&[0, 0, 0, 1][..], nal].concat()
    }

    fn mux(pictures: u32, gop: u32) -> Moov {
        let mut muxer = Muxer::new(Cursor::new(Vec::new()), TRACK).unwrap();
        for i in 0..pictures {
            let mut data = Vec::new();
            if i % gop == 0 {
                data.extend(unit(&SPS));
                data.extend(unit(&PPS));
                data.extend(unit(&[0x65, 1, 2, 3]));
            } else {
                data.extend(unit(&[9, 0xf0]));
                data.extend(unit(&[0x41, 1]));
                data.extend(unit(&[0x41, 2]));
            }
            muxer.write(&data).unwrap();
        }
        let file = muxer.finish().unwrap().into_inner();
        let mut rest = Cursor::new(&file);
        let mut moov = None;
        while let Some(atom) = Option::<Any>::read_from(&mut rest).unwrap() {
            match atom {
                Any::Moov(atom) => moov = Some(atom),
                // A parameter set costs nothing, a slice four bytes of length.
                Any::Mdat(mdat) => {
                    let idr = pictures.div_ceil(gop) as usize;
                    assert_eq!(mdat.data.len(), 8 * idr + 12 * (pictures as usize - idr));
                }
                _ => {}
            }
        }
        moov.expect("the file has a moov")
    }

    #[test]
    fn tables_describe_the_samples() {
        let moov = mux(70, 32);
        let stbl = &moov.trak[0].mdia.minf.stbl;
        assert_eq!(stbl.stss.as_ref().unwrap().entries, [1, 33, 65]);
        let entries: Vec<_> = stbl
            .stsc
            .entries
            .iter()
            .map(|e| (e.first_chunk, e.samples_per_chunk))
            .collect();
        assert_eq!(entries, [(1, 32), (3, 6)]);
        let chunks = &stbl.stco.as_ref().unwrap().entries;
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks[1] - chunks[0], 8 + 31 * 12);
        assert_eq!(stbl.stts.entries[0].sample_count, 70);
        assert_eq!(stbl.stts.entries[0].sample_delta, 1_001);
        assert_eq!(moov.mvhd.timescale, 30_000);
        assert_eq!(moov.mvhd.duration, 70 * 1_001);
        let Codec::Avc1(avc1) = &stbl.stsd.codecs[0] else {
            panic!("no avc1");
        };
        assert_eq!((avc1.visual.width, avc1.visual.height), (18, 16));
        assert_eq!(avc1.avcc.sequence_parameter_sets, [SPS]);
        assert_eq!(avc1.avcc.picture_parameter_sets, [PPS]);
        assert_eq!(avc1.avcc.avc_level_indication, 30);
    }

    #[test]
    fn whole_chunks_need_one_entry() {
        let stbl = mux(64, 64).trak.remove(0).mdia.minf.stbl;
        assert_eq!(stbl.stsc.entries.len(), 1);
        assert_eq!(stbl.stco.unwrap().entries.len(), 2);
    }

    #[test]
    fn low_rates_get_a_finer_clock() {
        let track = Track {
            frame_rate: Fraction::new(25, 1),
            ..TRACK
        };
        let muxer = Muxer::new(Cursor::new(Vec::new()), track).unwrap();
        let (timescale, delta) = muxer.timing();
        assert_eq!((timescale, delta), (12_800, 512));
    }

    #[test]
    fn streams_that_do_not_fit_are_refused() {
        let mut muxer = Muxer::new(Cursor::new(Vec::new()), TRACK).unwrap();
        assert!(muxer.write(&unit(&SPS)).is_err());
        muxer.write(&unit(&[0x65, 1])).unwrap();
        let other = [0x67, 66, 0xc0, 31, 9];
        assert!(muxer.write(&unit(&other)).is_err());
        assert!(muxer.finish().is_err());
    }
}
