// Objects of kinds that Kubernetes itself does not know, as JSON on standard input, against the schemas of their projects.
// Exits with 1 and a line for each that does not fit, or whose kind is not known here.
import { ScaledObject, TriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { readFileSync } from "node:fs";

const kinds = { ScaledObject, TriggerAuthentication, ServiceMonitor };
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const kind = kinds[object.kind];
    if (!kind) throw new Error("nothing here knows this kind");
    const { apiVersion } = new kind({});
    if (apiVersion !== object.apiVersion) throw new Error(`it is ${apiVersion}, not ${object.apiVersion}`);
    new kind(object).validate();
  } catch (error) {
    console.error(`${object.kind} ${object.metadata?.name}: ${error.message}`);
    process.exitCode = 1;
  }
}
