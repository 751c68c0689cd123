//! Specimens of what lists and pages say: tables, tabs, banners, empty places, skeletons, times and ids.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::specimen::{Group, Specimen};
use crate::components::{
    Avatar, Banner, Button, CopyId, Elapsed, Empty, Kind, Menu, MenuItem, MoreRows, RelativeTime, Size, Skeleton,
    SkeletonKind, SkeletonWidth, StatusChip, Tab, TabPanel, TableShell, Tabs, Variant,
};

const RUN_ID: &str = "01936f3c-8d2a-7b41-9c55-2f6a0e8b41d7";

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).expect("the specimens use times of this century")
}

#[component]
pub fn Data() -> impl IntoView {
    let tab = RwSignal::new("output".to_owned());
    let tabs = vec![
        Tab::new("output", "Output"),
        Tab::new("inputs", "Inputs").with_count(2),
        Tab::new("prompt", "Prompt"),
        Tab::new("attempts", "Attempts").with_count(3),
    ];
    view! {
        <Group title="Pages and lists">
            <Specimen name="Table">
                <Runs/>
            </Specimen>
            <Specimen name="Tabs">
                <div>
                    <Tabs id="design-tabs" label="Step" tabs=tabs selected=tab/>
                    <TabPanel tabs="design-tabs" tab="output" selected=tab>"What the step produced"</TabPanel>
                    <TabPanel tabs="design-tabs" tab="inputs" selected=tab>"What it consumed"</TabPanel>
                    <TabPanel tabs="design-tabs" tab="prompt" selected=tab>"What it was asked"</TabPanel>
                    <TabPanel tabs="design-tabs" tab="attempts" selected=tab>"How often it was tried"</TabPanel>
                </div>
            </Specimen>
            <Specimen name="Banner">
                <Banner>"This workflow has no published version yet"</Banner>
                <Banner kind=Kind::Success>"Version 8 is live"</Banner>
                <Banner kind=Kind::Warn title="Offline" action=|| view! { <Button size=Size::Sm>"Try now"</Button> }>
                    "3 edits are kept here and saved when the server answers again"
                </Banner>
                <Banner
                    kind=Kind::Error
                    title="The draft was not saved"
                    action=|| view! { <Button size=Size::Sm>"Show theirs"</Button> }
                >
                    "Somebody else saved revision 14 meanwhile. Compare both, then save again."
                </Banner>
            </Specimen>
            <Specimen name="Empty">
                <Empty icon="workflow" title="No workflows yet" text="A workflow is a set of agents and what flows between them." framed=true>
                    <Button variant=Variant::Primary icon="plus">"New workflow"</Button>
                </Empty>
            </Specimen>
            <Specimen name="Skeleton">
                <div class="stack" data-gap="2" role="status" aria-busy="true" aria-label="Loading">
                    <Skeleton width=SkeletonWidth::Half/>
                    <Skeleton width=SkeletonWidth::Long/>
                    <Skeleton kind=SkeletonKind::Control width=SkeletonWidth::Half/>
                    <Skeleton kind=SkeletonKind::Avatar/>
                </div>
            </Specimen>
            <Specimen name="Time, id">
                <dl class="facts">
                    <dt>"Run"</dt>
                    <dd><CopyId value=RUN_ID what="run id"/></dd>
                    <dt>"Started"</dt>
                    <dd><RelativeTime at=at(1_763_800_000_000)/></dd>
                    <dt>"Took"</dt>
                    <dd><Elapsed since=at(1_763_800_000_000) until=Some(at(1_763_800_185_000))/></dd>
                </dl>
            </Specimen>
            <Specimen name="Neutrals">
                <ul class="swatches" aria-hidden="true">
                    {(1..=12).map(|n| view! { <li data-n=n.to_string()></li> }).collect_view()}
                </ul>
            </Specimen>
        </Group>
    }
}

#[component]
fn Runs() -> impl IntoView {
    let rows = [
        ("Document brief", "running", "Ada Lovelace", "1.2 s"),
        ("Contract review", "awaiting_review", "Grace Hopper", "48 s"),
        ("Translate and check", "failed", "Alan Turing", "3 min 5 s"),
        ("Weekly digest", "completed", "Ada Lovelace", "12 s"),
    ];
    let rows = rows
        .into_iter()
        .enumerate()
        .map(|(i, (title, status, who, took))| {
            view! {
                <tr>
                    <th scope="row"><a href="/design">{title}</a></th>
                    <td><StatusChip status=status/></td>
                    <td><span class="status-plain"><Avatar name=who/> {who}</span></td>
                    <td class="num">{took}</td>
                    <td class="row-actions">
                        <Menu id=format!("design-row-{i}") label=format!("Actions for {title}") size=Size::Sm>
                            <MenuItem icon="rotate-ccw" on_select=|()| ()>"Start again"</MenuItem>
                            <MenuItem icon="archive" on_select=|()| ()>"Archive"</MenuItem>
                        </Menu>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableShell label="Runs" foot=|| view! { <MoreRows has_more=true on_more=|()| ()/> }>
            <thead>
                <tr>
                    <th scope="col">"Workflow"</th>
                    <th scope="col">"Status"</th>
                    <th scope="col">"Started by"</th>
                    <th scope="col" class="num">"Took"</th>
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </TableShell>
    }
}
