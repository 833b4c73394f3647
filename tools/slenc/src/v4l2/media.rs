// SPDX-License-Identifier: GPL-2.0

//! Finding encoders through the media controller.
//!
//! An encoder is an entity of function MEDIA_ENT_F_PROC_VIDEO_ENCODER. Its video
//! node is the interface linked to the entities that its pads lead to.

use super::{
    sys::media::{
        self,
        DeviceInfo,
        Topology, //
    },
    uapi::*,
};
use crate::error::{
    Error,
    Result, //
};
use std::{
    fs::{
        self,
        File,
        OpenOptions, //
    },
    io,
    os::{
        fd::{
            AsFd,
            BorrowedFd, //
        },
        unix::fs::{
            FileTypeExt,
            MetadataExt, //
        },
    },
    path::{
        Path,
        PathBuf, //
    },
};

/// Opens a device node for reading and writing, without waiting.
pub(super) fn open_node(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
        .open(path)
}

/// What a user can do about a node that cannot be opened.
pub(super) fn open_error(path: &Path, err: &io::Error) -> Error {
    let error = Error::new(format!("cannot open {}: {err}", path.display()));
    match err.kind() {
        io::ErrorKind::PermissionDenied => {
            error.remedy("join the group that owns it (usually \"video\") or run as root")
        }
        io::ErrorKind::NotFound => error.remedy("see the devices there are with \"slenc info\""),
        _ => error,
    }
}

/// An open media device.
pub struct MediaDevice {
    path: PathBuf,
    file: File,
    info: DeviceInfo,
    topology: Topology,
}

impl MediaDevice {
    /// Opens a media device and reads its topology.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_node(path)?;
        let info = media::device_info(file.as_fd())?;
        let topology = media::topology(file.as_fd())?;
        Ok(Self {
            path: path.to_owned(),
            file,
            info,
            topology,
        })
    }

    /// Where its node is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Whether the video node with this number is one of its interfaces.
    pub fn has_node(&self, node: (u32, u32)) -> bool {
        self.topology
            .interfaces
            .iter()
            .any(|interface| media::devnode(interface) == node)
    }

    /// The numbers of the video nodes of its encoders.
    pub fn encoder_nodes(&self) -> Vec<(u32, u32)> {
        encoder_nodes(&self.topology)
    }

    /// How many sink and source pads each of its encoders has.
    pub fn encoder_pads(&self) -> Vec<(usize, usize)> {
        encoder_pads(&self.topology)
    }
}

impl AsFd for MediaDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The video nodes whose interface controls an entity that a data link joins to
/// an encoder.
fn encoder_nodes(topology: &Topology) -> Vec<(u32, u32)> {
    let entity_of = |pad: u32| {
        topology
            .pads
            .iter()
            .find(|p| { p.id } == pad)
            .map(|p| p.entity_id)
    };
    let mut neighbours = Vec::new();
    for encoder in &topology.entities {
        if encoder.function != MEDIA_ENT_F_PROC_VIDEO_ENCODER {
            continue;
        }
        for link in &topology.links {
            if link.flags & MEDIA_LNK_FL_LINK_TYPE != MEDIA_LNK_FL_DATA_LINK {
                continue;
            }
            match (entity_of(link.source_id), entity_of(link.sink_id)) {
                (Some(source), Some(sink)) if source == encoder.id => neighbours.push(sink),
                (Some(source), Some(sink)) if sink == encoder.id => neighbours.push(source),
                _ => {}
            }
        }
    }
    topology
        .interfaces
        .iter()
        .filter(|interface| interface.intf_type == MEDIA_INTF_T_V4L_VIDEO)
        .filter(|interface| {
            topology.links.iter().any(|link| {
                link.flags & MEDIA_LNK_FL_LINK_TYPE == MEDIA_LNK_FL_INTERFACE_LINK
                    && { link.source_id } == interface.id
                    && neighbours.contains(&{ link.sink_id })
            })
        })
        .map(media::devnode)
        .collect()
}

/// How many sink and source pads each entity has that is an encoder.
fn encoder_pads(topology: &Topology) -> Vec<(usize, usize)> {
    topology
        .entities
        .iter()
        .filter(|entity| entity.function == MEDIA_ENT_F_PROC_VIDEO_ENCODER)
        .map(|entity| {
            let count = |flag| {
                topology
                    .pads
                    .iter()
                    .filter(|pad| pad.entity_id == entity.id && pad.flags & flag != 0)
                    .count()
            };
            (count(MEDIA_PAD_FL_SINK), count(MEDIA_PAD_FL_SOURCE))
        })
        .collect()
}

/// The device nodes in /dev whose names are PREFIX and a number, by number.
pub fn nodes(prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            entry
                .file_type()
                .ok()?
                .is_char_device()
                .then(|| (number, entry.path()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The number of a device node.
pub fn node_number(path: &Path) -> io::Result<(u32, u32)> {
    let rdev = fs::metadata(path)?.rdev();
    Ok((rustix::fs::major(rdev), rustix::fs::minor(rdev)))
}

/// The media device that a video node belongs to.
pub fn of_node(path: &Path) -> Result<MediaDevice> {
    let number = node_number(path).map_err(|err| open_error(path, &err))?;
    let mut refused = None;
    for media in nodes("media") {
        match MediaDevice::open(&media) {
            Ok(device) if device.has_node(number) => return Ok(device),
            Ok(_) => {}
            Err(err) => refused = Some(open_error(&media, &err)),
        }
    }
    Err(refused.unwrap_or_else(|| {
        Error::new(format!(
            "no media device belongs to {}, so that it takes no requests",
            path.display()
        ))
        .remedy("choose an encoder that \"slenc info\" lists, or use --no-requests")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v4l2::sys::Plain;

    fn entity(id: u32, function: u32) -> media_v2_entity {
        let mut entity = media_v2_entity::zeroed();
        entity.id = id;
        entity.function = function;
        entity
    }

    fn pad(id: u32, entity_id: u32) -> media_v2_pad {
        let mut pad = media_v2_pad::zeroed();
        pad.id = id;
        pad.entity_id = entity_id;
        pad
    }

    fn link(source_id: u32, sink_id: u32, flags: u32) -> media_v2_link {
        let mut link = media_v2_link::zeroed();
        link.source_id = source_id;
        link.sink_id = sink_id;
        link.flags = flags;
        link
    }

    fn interface(id: u32, minor: u32) -> media_v2_interface {
        let mut interface = media_v2_interface::zeroed();
        interface.id = id;
        interface.intf_type = MEDIA_INTF_T_V4L_VIDEO;
        interface.__bindgen_anon_1.devnode = media_v2_intf_devnode { major: 81, minor };
        interface
    }

    /// As `v4l2_m2m_register_media_controller()` builds it: source, processing
    /// block, sink, and one interface to both ends.
    fn m2m(function: u32, base: u32, minor: u32) -> Topology {
        Topology {
            entities: vec![
                entity(base + 1, MEDIA_ENT_F_IO_V4L),
                entity(base + 2, function),
                entity(base + 3, MEDIA_ENT_F_IO_V4L),
            ],
            interfaces: vec![interface(base + 9, minor)],
            pads: vec![
                pad(base + 4, base + 1),
                pad(base + 5, base + 2),
                pad(base + 6, base + 2),
                pad(base + 7, base + 3),
            ],
            links: vec![
                link(base + 4, base + 5, MEDIA_LNK_FL_DATA_LINK),
                link(base + 6, base + 7, MEDIA_LNK_FL_DATA_LINK),
                link(base + 9, base + 1, MEDIA_LNK_FL_INTERFACE_LINK),
                link(base + 9, base + 3, MEDIA_LNK_FL_INTERFACE_LINK),
            ],
        }
    }

    #[test]
    fn the_node_of_an_encoder_is_found() {
        let encoder = m2m(MEDIA_ENT_F_PROC_VIDEO_ENCODER, 0, 3);
        assert_eq!(encoder_nodes(&encoder), [(81, 3)]);
    }

    #[test]
    fn pads_of_an_encoder_are_counted() {
        let mut encoder = m2m(MEDIA_ENT_F_PROC_VIDEO_ENCODER, 0, 3);
        encoder.pads[1].flags = MEDIA_PAD_FL_SINK;
        encoder.pads[2].flags = MEDIA_PAD_FL_SOURCE;
        assert_eq!(encoder_pads(&encoder), [(1, 1)]);
        let decoder = m2m(MEDIA_ENT_F_PROC_VIDEO_DECODER, 0, 3);
        assert_eq!(encoder_pads(&decoder), []);
    }

    #[test]
    fn a_decoder_beside_it_is_not() {
        let mut both = m2m(MEDIA_ENT_F_PROC_VIDEO_DECODER, 0, 3);
        assert_eq!(encoder_nodes(&both), []);
        let encoder = m2m(MEDIA_ENT_F_PROC_VIDEO_ENCODER, 100, 4);
        both.entities.extend(encoder.entities);
        both.interfaces.extend(encoder.interfaces);
        both.pads.extend(encoder.pads);
        both.links.extend(encoder.links);
        assert_eq!(encoder_nodes(&both), [(81, 4)]);
    }

    #[test]
    fn a_topology_with_holes_is_no_encoder() {
        let mut broken = m2m(MEDIA_ENT_F_PROC_VIDEO_ENCODER, 0, 3);
        broken.pads.clear();
        assert_eq!(encoder_nodes(&broken), []);
    }
}
