//! Specimens of what lists and pages say: tables, tabs, banners, empty places, skeletons, times and ids.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use workflow::api::{AttemptLogs, LogLevel, LogLine};

use super::specimen::{Group, Specimen};
use crate::components::{
    Avatar, Banner, Button, ClockTime, CopyId, Elapsed, Empty, Kind, LogView, Menu, MenuItem, Meter, MoreRows,
    ProgressBar, RelativeTime, Size, Skeleton, SkeletonKind, SkeletonWidth, StatusChip, Tab, TabPanel, TableShell,
    Tabs, Variant,
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
            <Specimen name="TableShell, MoreRows">
                <Runs/>
            </Specimen>
            <Specimen name="Tabs, TabPanel">
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
                <Empty icon="workflow" title="No workflows yet" text="A workflow is a set of agents and what flows between them." framed=true level=3>
                    <Button variant=Variant::Primary icon="plus">"New workflow"</Button>
                </Empty>
            </Specimen>
            <Specimen name="Skeleton">
                <div class="stack" data-gap="2" role="status" aria-busy="true" aria-label="Loading">
                    <Skeleton width=SkeletonWidth::Half/>
                    <Skeleton width=SkeletonWidth::Long/>
                    <Skeleton kind=SkeletonKind::Control width=SkeletonWidth::Half/>
                    <Skeleton kind=SkeletonKind::Avatar/>
                    <Skeleton kind=SkeletonKind::Row/>
                    <Skeleton kind=SkeletonKind::Card width=SkeletonWidth::Short/>
                </div>
            </Specimen>
            <Specimen name="CopyId, RelativeTime, ClockTime, Elapsed">
                <dl class="facts">
                    <dt>"Run"</dt>
                    <dd><CopyId value=RUN_ID what="run id"/></dd>
                    <dt>"Started"</dt>
                    <dd><RelativeTime at=at(1_763_800_000_000)/></dd>
                    <dt>"Since"</dt>
                    <dd><ClockTime at=at(1_763_800_000_000)/></dd>
                    <dt>"Took"</dt>
                    <dd><Elapsed since=at(1_763_800_000_000) until=Some(at(1_763_800_185_000))/></dd>
                </dl>
            </Specimen>
            <Far/>
            <Specimen name="Neutrals">
                <ul class="swatches" aria-hidden="true">
                    {(1..=12).map(|n| view! { <li data-n=n.to_string()></li> }).collect_view()}
                </ul>
            </Specimen>
        </Group>
    }
}

/// What is told of something that goes on.
#[component]
fn Far() -> impl IntoView {
    let line = |ms: i64, level, text: &str| LogLine { at: at(1_763_800_000_000 + ms), level, text: text.to_owned() };
    let log = AttemptLogs {
        lines: vec![
            line(0, LogLevel::Debug, "opening report.pdf"),
            line(120, LogLevel::Info, "page 1 of 12"),
            line(480, LogLevel::Warning, "page 2 has no text; its picture is read instead, which takes longer"),
            line(2_900, LogLevel::Error, "page 3 cannot be read"),
        ],
        n_dropped: 1_204,
    };
    view! {
        <Specimen name="ProgressBar, Meter">
            <ProgressBar label="Read the report" share=Some(0.3) words="3 of 10" note="page 3"/>
            <ProgressBar label="Count the words" share=None words="1,200 done"/>
            <ProgressBar label="Write the summary" share=Some(1.0) words="10 of 10"/>
            <Meter label="Busy slots" used=3_i64 of=8_i64 words="3 of 8 busy"/>
            <Meter label="Busy slots of another" used=8_i64 of=8_i64 words="8 of 8 busy"/>
        </Specimen>
        <Specimen name="LogView">
            <LogView log title="Log of attempt 2" live=true/>
        </Specimen>
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
