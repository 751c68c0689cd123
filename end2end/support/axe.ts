// What the rules of accessibility say of a page. Must never leave a rule out.

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

/**
 * Runs in the page itself. By default half of the work is done in a second, empty page that is opened and closed each time, and
 * takes the focus from the first: which only frames of other sites need, and Weft has no frame. What passes is not described at length.
 */
export function axe(page: Page): AxeBuilder {
  return new AxeBuilder({ page }).options({ resultTypes: ["violations"] }).setLegacyMode();
}
