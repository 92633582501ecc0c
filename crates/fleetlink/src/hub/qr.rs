//! A QR code on a terminal (ISO/IEC 18004), two modules a character cell.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code (ISO/IEC 18004, section 5.3.8).
const QUIET_ZONE: i32 = 4;
/// Black on white, whatever the terminal's own colours are.
const INK_ON_PAPER: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// A code as lines for a terminal.
pub(super) struct Drawing {
    /// The lines, without their ends.
    pub(super) lines: Vec<String>,
    /// How many columns each takes.
    pub(super) columns: usize,
}

/// Draws the code of this text; `None` where it is too long for one. Letters in upper case need the
/// smallest one. Without colours the terminal's background is taken as dark.
pub(super) fn draw(text: &str, coloured: bool) -> Option<Drawing> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = i32::try_from(code.width()).ok()?;
    let modules = code.to_colors();
    let is_dark = |row: i32, column: i32| {
        let inside = (0..width).contains(&row) && (0..width).contains(&column);
        let place = usize::try_from(row * width + column).ok();
        inside && place.and_then(|place| modules.get(place)) == Some(&Color::Dark)
    };
    let columns = -QUIET_ZONE..width + QUIET_ZONE;
    let rows = (-QUIET_ZONE..width + QUIET_ZONE).step_by(2);
    let line = |row: i32| {
        let cell = |column| {
            let drawn = |row| is_dark(row, column) == coloured;
            match (drawn(row), drawn(row + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            }
        };
        let cells: String = columns.clone().map(cell).collect();
        match coloured {
            true => format!("{INK_ON_PAPER}{cells}{RESET}"),
            false => cells,
        }
    };
    Some(Drawing {
        lines: rows.map(line).collect(),
        columns: columns.clone().count(),
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
