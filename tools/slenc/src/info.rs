// SPDX-License-Identifier: GPL-2.0

//! `slenc info`: what encoders there are and what they can do.

use crate::{
    cli::InfoArgs,
    error::{
        Context,
        Result, //
    },
    v4l2::{
        controls::{
            self,
            Control, //
        },
        device::{
            candidates,
            Device,
            CAPTURE,
            OUTPUT, //
        },
        fourcc_name, media,
    },
};
use serde::Serialize;
use std::{
    fmt::Write as _,
    io::{
        self,
        Write, //
    },
    path::PathBuf,
};

/// All encoders.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Those that could be opened.
    pub encoders: Vec<Encoder>,
    /// Nodes that may be encoders and could not be opened.
    pub refused: Vec<Refused>,
}

/// One encoder.
#[derive(Debug, Serialize)]
pub struct Encoder {
    /// Its video node.
    pub device: PathBuf,
    /// Its media node, without which it takes no requests.
    pub media: Option<PathBuf>,
    /// The driver's name.
    pub driver: String,
    /// The device's name.
    pub card: String,
    /// Where it is.
    pub bus: String,
    /// The kernel's version.
    pub kernel: String,
    /// The generation of the hardware, when the driver says it.
    pub generation: Option<u32>,
    /// Formats of coded pictures.
    pub coded_formats: Vec<Format>,
    /// Formats of raw pictures.
    pub raw_formats: Vec<Format>,
    /// Its controls.
    pub controls: Vec<Control>,
}

/// A pixel format with its sizes.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Format {
    /// Its four characters.
    pub fourcc: String,
    /// What the kernel calls it.
    pub description: String,
    /// Its sizes.
    pub sizes: Vec<Sizes>,
}

/// Smallest and largest size, and the steps between, as width and height.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Smallest.
    pub min: (u32, u32),
    /// Largest.
    pub max: (u32, u32),
    /// Steps.
    pub step: (u32, u32),
}

/// A node that could not be opened.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// The node.
    pub device: PathBuf,
    /// Why, and what to do.
    pub error: String,
}

/// Runs the command.
pub fn run(args: &InfoArgs) -> Result<()> {
    let report = match &args.device {
        Some(path) => Report {
            encoders: vec![describe(&Device::open_encoder(path)?)?],
            refused: Vec::new(),
        },
        None => survey()?,
    };
    let mut text = if args.json {
        serde_json::to_string_pretty(&report).context("writing JSON")?
    } else {
        table(&report)
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}

fn survey() -> Result<Report> {
    let mut report = Report {
        encoders: Vec::new(),
        refused: Vec::new(),
    };
    for path in candidates() {
        match Device::open(&path) {
            Ok(device) if device.missing().is_none() => report.encoders.push(describe(&device)?),
            Ok(_) => {}
            Err(err) => report.refused.push(Refused {
                device: path,
                error: err.to_string(),
            }),
        }
    }
    Ok(report)
}

fn describe(device: &Device) -> Result<Encoder> {
    let capability = device.capability();
    let media = media::of_node(device.path()).ok();
    let version = capability.version;
    Ok(Encoder {
        device: device.path().to_owned(),
        generation: media
            .as_ref()
            .map(|media| media.info().hw_revision & 0xff)
            .filter(|&generation| generation != 0),
        media: media.map(|media| media.path().to_owned()),
        driver: capability.driver.clone(),
        card: capability.card.clone(),
        bus: capability.bus_info.clone(),
        kernel: format!(
            "{}.{}.{}",
            version >> 16,
            (version >> 8) & 0xff,
            version & 0xff
        ),
        coded_formats: formats(device, CAPTURE)?,
        raw_formats: formats(device, OUTPUT)?,
        controls: controls::list(device),
    })
}

fn formats(device: &Device, queue: u32) -> Result<Vec<Format>> {
    device
        .formats(queue)?
        .into_iter()
        .map(|format| {
            let sizes = device.sizes(format.fourcc)?;
            Ok(Format {
                fourcc: fourcc_name(format.fourcc),
                description: format.description,
                sizes: sizes
                    .iter()
                    .map(|s| Sizes {
                        min: (s.width.0, s.height.0),
                        max: (s.width.1, s.height.1),
                        step: (s.width.2, s.height.2),
                    })
                    .collect(),
            })
        })
        .collect()
}

/// The report for people. Writing to a string cannot fail.
fn table(report: &Report) -> String {
    let mut text = String::new();
    for encoder in &report.encoders {
        encoder_table(&mut text, encoder);
    }
    for refused in &report.refused {
        let _ = writeln!(text, "{}", refused.error);
    }
    if report.encoders.is_empty() && report.refused.is_empty() {
        let _ = writeln!(
            text,
            "No stateless H.264 encoder found. Load the driver (modprobe slenc) and check that the hardware is there (lspci -d 1af4:10f0)."
        );
    }
    text
}

fn encoder_table(text: &mut String, encoder: &Encoder) {
    let media = encoder
        .media
        .as_ref()
        .map(|path| path.display().to_string());
    let generation = encoder.generation.map(|n| format!("gen{n}"));
    let _ = writeln!(text, "{}", encoder.device.display());
    for (name, value) in [
        ("Driver", encoder.driver.as_str()),
        ("Card", &encoder.card),
        ("Generation", generation.as_deref().unwrap_or("unknown")),
        ("Bus", &encoder.bus),
        ("Kernel", &encoder.kernel),
        ("Requests", media.as_deref().unwrap_or("no media device")),
    ] {
        let _ = writeln!(text, "  {name:<11} {value}");
    }
    for (title, formats) in [
        ("Coded formats", &encoder.coded_formats),
        ("Raw formats", &encoder.raw_formats),
    ] {
        let _ = writeln!(text, "  {title}");
        for format in formats {
            let sizes: Vec<_> = format.sizes.iter().map(size_text).collect();
            let _ = writeln!(
                text,
                "    {:<5} {:<28} {}",
                format.fourcc,
                format.description,
                sizes.join(", ")
            );
        }
    }
    let _ = writeln!(
        text,
        "  Controls{:39}{:<20} {:>11} {:>11} {:>11}",
        "", "type", "minimum", "maximum", "default"
    );
    for control in &encoder.controls {
        control_table(text, control);
    }
}

fn size_text(sizes: &Sizes) -> String {
    let pair = |(width, height)| format!("{width}x{height}");
    if sizes.min == sizes.max {
        return pair(sizes.min);
    }
    format!(
        "{} to {} in steps of {}",
        pair(sizes.min),
        pair(sizes.max),
        pair(sizes.step)
    )
}

fn control_table(text: &mut String, control: &Control) {
    let _ = write!(
        text,
        "    {:<#10x} {:<32} {:<20}",
        control.id, control.name, control.kind
    );
    match control.size {
        Some(size) => {
            let _ = write!(text, " {size:>5} bytes");
        }
        None => {
            let _ = write!(
                text,
                " {:>11} {:>11} {:>11}",
                control.minimum, control.maximum, control.default
            );
        }
    }
    let read_only = if control.read_only { " read only" } else { "" };
    let _ = writeln!(text, "{read_only}");
    for item in &control.menu {
        let _ = writeln!(text, "{:17}{}: {}", "", item.index, item.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v4l2::controls::MenuItem;

    fn control(name: &str) -> Control {
        Control {
            id: 0x0099_0a5f,
            name: name.into(),
            kind: "int".into(),
            minimum: 0,
            maximum: 51,
            step: 1,
            default: 28,
            size: None,
            elements: 1,
            read_only: false,
            menu: Vec::new(),
        }
    }

    fn report() -> Report {
        Report {
            encoders: vec![Encoder {
                device: "/dev/video7".into(),
                media: Some("/dev/media3".into()),
                driver: "slenc".into(),
                card: "slenc encoder".into(),
                bus: "PCI:0000:00:04.0".into(),
                kernel: "7.3.4".into(),
                generation: Some(1),
                coded_formats: vec![Format {
                    fourcc: "S264".into(),
                    description: "H.264 Parsed Slice Data".into(),
                    sizes: vec![Sizes {
                        min: (16, 16),
                        max: (1920, 1088),
                        step: (2, 2),
                    }],
                }],
                raw_formats: Vec::new(),
                controls: vec![
                    control("H264 P-Frame QP Value"),
                    Control {
                        size: Some(1048),
                        read_only: true,
                        ..control("compound")
                    },
                    Control {
                        menu: vec![MenuItem {
                            index: 2,
                            name: "Annex B".into(),
                        }],
                        ..control("menu")
                    },
                ],
            }],
            refused: Vec::new(),
        }
    }

    #[test]
    fn the_table_says_what_the_report_does() {
        let text = table(&report());
        for part in [
            "/dev/video7\n",
            "Generation  gen1\n",
            "S264  H.264 Parsed Slice Data      16x16 to 1920x1088 in steps of 2x2\n",
            "1048 bytes read only\n",
            "2: Annex B\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        let line = text.lines().find(|l| l.contains("P-Frame QP")).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[words.len() - 4..], ["int", "0", "51", "28"]);
    }

    #[test]
    fn json_has_the_same() {
        let value = serde_json::to_value(report()).unwrap();
        let encoder = &value["encoders"][0];
        assert_eq!(encoder["device"], "/dev/video7");
        assert_eq!(encoder["coded_formats"][0]["sizes"][0]["max"][0], 1920);
        assert_eq!(encoder["controls"][0]["type"], "int");
        assert_eq!(encoder["controls"][1]["size"], 1048);
        assert!(encoder["controls"][0].get("size").is_none());
    }
}
