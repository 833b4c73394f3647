// SPDX-License-Identifier: GPL-2.0

//! The specification, as far as the tests need it: ids, titles and text of its
//! requirements.
//!
//! It is read from the documents themselves. A requirement is a definition whose
//! term is its id and its title, and whose body is indented.

/// A document and its text.
type Document = (&'static str, &'static str);

macro_rules! document {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../../Documentation/userspace-api/", $name)),
        )
    };
}

const DOCUMENTS: [Document; 4] = [
    document!("dev-stateless-encoder.rst"),
    document!("ext-ctrls-stateless-h264.rst"),
    document!("ext-ctrls-stateless-rate.rst"),
    document!("ext-ctrls-stateless-extensions.rst"),
];

/// Who has to keep to a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every driver.
    Must,
    /// Drivers that have an extension.
    Extension,
}

impl Kind {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Extension => "extension",
        }
    }
}

/// A requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    /// Such as ENC-CAP-1.
    pub(super) id: String,
    /// What it says, in short.
    pub(super) title: String,
    /// The title of its section.
    pub(super) section: String,
    /// Where it is.
    pub(super) document: &'static str,
    /// Its text, in lines.
    pub(super) text: String,
}

impl Requirement {
    /// Who has to keep to it.
    pub(super) fn kind(&self) -> Kind {
        if self.id.starts_with("ENCX-") {
            Kind::Extension
        } else {
            Kind::Must
        }
    }
}

/// All requirements, in the order of the documents.
pub(super) fn requirements() -> Vec<Requirement> {
    DOCUMENTS.iter().flat_map(parse).collect()
}

/// The id and the title of the line that begins a requirement.
fn term(line: &str) -> Option<(&str, &str)> {
    let (id, title) = line.strip_prefix('[')?.split_once("] ")?;
    let (_, number) = id.rsplit_once('-')?;
    let named = id.starts_with("ENC-") || id.starts_with("ENCX-");
    (named && number.parse::<u32>().is_ok()).then_some((id, title))
}

/// The requirements of a document.
fn parse(&(document, text): &Document) -> Vec<Requirement> {
    let lines: Vec<&str> = text.lines().collect();
    let is_indented = |line: &&&str| line.starts_with("    ");
    let mut section = "";
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1).copied().unwrap_or("");
        let underlined = !next.is_empty() && next.chars().all(|c| "=-".contains(c));
        if underlined && next.len() >= line.len() && !line.is_empty() {
            section = line;
        }
        let Some((id, title)) = term(line).filter(|_| next.starts_with("    ")) else {
            continue;
        };
        let body: Vec<&str> = lines[at + 1..]
            .iter()
            .take_while(is_indented)
            .map(|line| line.trim())
            .collect();
        found.push(Requirement {
            id: id.to_owned(),
            title: title.to_owned(),
            section: section.to_owned(),
            document,
            text: body.join("\n"),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn requirements_are_read() {
        let text = "A title\n=======\n\n[ENC-X-1] Short\n    It MUST\n    be.\n\n\
                    [ENC-X-1] begins a line.\n\n[ENCX-Y-2] Other\n    MUST NOT.\n";
        let found = parse(&("name", text));
        assert_eq!(found.len(), 2);
        assert_eq!(
            (&found[0].id[..], &found[0].title[..]),
            ("ENC-X-1", "Short")
        );
        assert_eq!(found[0].section, "A title");
        assert_eq!(found[0].text, "It MUST\nbe.");
        assert_eq!(found[0].kind(), Kind::Must);
        assert_eq!(found[1].kind(), Kind::Extension);
    }

    /// Ids count from 1 without a gap, each is there once and says MUST.
    #[test]
    fn the_documents_are_in_order() {
        let mut groups: BTreeMap<String, u32> = BTreeMap::new();
        let all = requirements();
        for requirement in &all {
            let (group, number) = requirement.id.rsplit_once('-').unwrap();
            let last = groups.entry(group.to_owned()).or_default();
            *last += 1;
            assert_eq!(
                number,
                last.to_string(),
                "{} is out of order",
                requirement.id
            );
            assert!(
                requirement.text.contains("MUST"),
                "{} has no MUST",
                requirement.id
            );
        }
        assert!(all.len() > 100);
    }

    /// What is not in a requirement cannot be tested by its id.
    #[test]
    fn every_must_is_in_a_requirement() {
        for document @ (name, text) in &DOCUMENTS {
            let count = |text: &str| text.matches("MUST").count();
            let required: usize = parse(document).iter().map(|r| count(&r.text)).sum();
            // The convention that says what the word means has two.
            let convention = "The words MUST, MUST NOT,";
            let explained = 2 * text.matches(convention).count();
            assert_eq!(count(text), required + explained, "{name}");
        }
    }

    /// Ids that the text refers to exist.
    #[test]
    fn references_to_ids_are_good() {
        let all = requirements();
        for (name, text) in &DOCUMENTS {
            for part in text.split('[').skip(1) {
                let Some((id, _)) = part.split_once(']') else {
                    continue;
                };
                if id.starts_with("ENC-") || id.starts_with("ENCX-") {
                    assert!(all.iter().any(|r| r.id == id), "{name}: {id}");
                }
            }
        }
    }
}
