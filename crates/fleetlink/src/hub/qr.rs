//! A QR code on a terminal (ISO/IEC 18004), two modules a character cell.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Black on white, whatever the terminal's own colours are.
const INK_ON_PAPER: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// A code as lines for a terminal.
pub(super) struct Drawing {
    /// The lines, without their ends.
    pub(super) lines: Vec<String>,
    /// The columns of each module.
    pub(super) columns: usize,
}

/// Draws the code of this text; `None` where it is too long for one. Letters in upper case need the
/// smallest one. Without colours the terminal's background is taken as dark.
pub(super) fn draw(text: &str, coloured: bool) -> Option<Drawing> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    // The renderer fills what it calls dark. Without colours that is the paper.
    let (ink, paper) = match coloured {
        true => (Dense1x2::Dark, Dense1x2::Light),
        false => (Dense1x2::Light, Dense1x2::Dark),
    };
    let mut renderer = code.render::<Dense1x2>();
    let drawn = renderer.dark_color(ink).light_color(paper).build();
    let line = |cells: &str| match coloured {
        true => format!("{INK_ON_PAPER}{cells}{RESET}"),
        false => cells.to_owned(),
    };
    Some(Drawing {
        columns: drawn.lines().next()?.chars().count(),
        lines: drawn.lines().map(line).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_finders_and_its_quiet_zone() {
        let drawing = draw("FL1", false).unwrap();
        // Version 1 has 21 modules; an odd number of rows ends in half a cell of the quiet zone.
        assert_eq!((drawing.columns, drawing.lines.len()), (29, 15));
        let full = "█".repeat(29);
        assert_eq!(drawing.lines[..2], [full.clone(), full]);
        // The upper edge of the finder is seven dark modules, inside it is light.
        assert!(
            drawing.lines[2].starts_with("████ ▄▄▄▄▄ "),
            "{}",
            drawing.lines[2]
        );
        let coloured = draw("FL1", true).unwrap();
        assert!(
            coloured.lines[2].contains("    █▀▀▀▀▀█ "),
            "{}",
            coloured.lines[2]
        );
    }

    #[test]
    fn capitals_need_a_smaller_code_and_too_long_a_text_has_none() {
        let text = "abcdefgh".repeat(20);
        let columns = |text: &str| draw(text, true).map(|drawing| drawing.columns);
        assert!(columns(&text.to_uppercase()) < columns(&text));
        assert_eq!(columns(&"A".repeat(5000)), None);
    }
}
