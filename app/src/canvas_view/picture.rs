//! The drawing as a file: the same display list, as SVG or as PNG, in the colours that one sees.
//! Must send nothing anywhere: the browser makes the file and keeps it.

use canvas::{
    Board, DisplayList,
    paint::{Ink, Svg, Text},
};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlDivElement, HtmlElement};

use super::{
    draw::{Brush, TextCache},
    editor::EditorHandle,
    theme::Theme,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Picture {
    Svg,
    Png,
}

/// Up to this side a picture has two pixels for one.
const SHARP: f64 = 4_000.0;

impl EditorHandle {
    /// Hands the drawing to the browser as a file of this name. False where the browser makes none.
    pub fn download_picture(self, picture: Picture, name: &str) -> bool {
        let list = self.board.act_silently(Board::picture);
        list.and_then(|list| file(&list, picture, name)).is_some()
    }
}

fn file(list: &DisplayList, picture: Picture, name: &str) -> Option<()> {
    let corner: HtmlDivElement = document().create_element("div").ok()?.dyn_into().ok()?;
    document().body()?.append_child(&corner).ok()?;
    let made = Theme::new(&corner).and_then(|theme| match picture {
        Picture::Svg => svg(list, &theme).map(|url| (url, "svg")),
        Picture::Png => png(list, &theme).map(|url| (url, "png")),
    });
    corner.remove();
    let (url, ending) = made?;
    let link: HtmlElement = document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_attribute("href", &url).ok()?;
    link.set_attribute("download", &format!("{}.{ending}", file_name(name))).ok()?;
    link.click();
    Some(())
}

fn svg(list: &DisplayList, theme: &Theme) -> Option<String> {
    let (_, context) = canvas()?;
    // The renderer asks for widths in the font's own size.
    let width_of = |style: Text, text: &str| {
        let font = style.font;
        context.set_font(&format!("{} {}px {}", font.weight(), font.size(), theme.font_family));
        context.measure_text(text).map_or(0.0, |metrics| metrics.width())
    };
    let mut svg = Svg::new(|ink: Ink| theme.colour(ink).to_owned(), width_of, &theme.font_family);
    list.render(&mut svg);
    let encoded = String::from(js_sys::encode_uri_component(&svg.finish()));
    Some(format!("data:image/svg+xml;charset=utf-8,{encoded}"))
}

fn png(list: &DisplayList, theme: &Theme) -> Option<String> {
    let (element, context) = canvas()?;
    let size = list.size();
    let ratio = if size.width.max(size.height) <= SHARP { 2.0 } else { 1.0 };
    let pixels = |length: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a picture's size is bounded")]
        let pixels = (length * ratio).ceil().clamp(1.0, 16_384.0) as u32;
        pixels
    };
    element.set_width(pixels(size.width));
    element.set_height(pixels(size.height));
    list.render(&mut Brush::new(&context, theme, &mut TextCache::default(), ratio));
    element.to_data_url_with_type("image/png").ok().filter(|url| url.starts_with("data:image/png"))
}

/// One that is on no page.
fn canvas() -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
    let element: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    let context = element.get_context("2d").ok()??.dyn_into().ok()?;
    Some((element, context))
}

/// What every file system takes.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || " -_.".contains(c) { c } else { ' ' };
    let name: String = name.chars().map(plain).take(80).collect();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.trim_matches('.').is_empty() { "Workflow".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_picture_has_a_name_that_every_file_system_takes() {
        for (name, file) in [
            ("Brief", "Brief"),
            ("a/b: \"c\"\n", "a b c"),
            ("../..", ".. .."),
            ("", "Workflow"),
            ("..", "Workflow"),
            ("סיכום", "סיכום"),
        ] {
            assert_eq!(file_name(name), file);
        }
    }
}
