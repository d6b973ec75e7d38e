{{- define "archon.name" -}}
{{- $name := ternary .Release.Name (printf "%s-archon" .Release.Name) (contains "archon" .Release.Name) -}}
{{- $name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "archon.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "archon.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "archon.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{/* The ports of the services, which archon/runtime/settings.py fixes. */}}
{{- define "archon.ports" -}}
{"bridge": 8054, "ingress": 8156, "intelligence": 8053, "worker": 8157}
{{- end }}

{{- define "archon.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "archon.labels" -}}
{{ include "archon.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* In: the root. Out: the plain settings as YAML, those that the chart knows included. */}}
{{- define "archon.settings" -}}
{{- $name := include "archon.name" . -}}
{{- $settings := deepCopy .Values.settings -}}
{{- if not $settings.INTELLIGENCE_SERVICE_URL -}}
{{- if not .Values.components.intelligence.enabled -}}
{{- fail "settings.INTELLIGENCE_SERVICE_URL is needed where components.intelligence.enabled is false" -}}
{{- end -}}
{{- $_ := set $settings "INTELLIGENCE_SERVICE_URL" (printf "http://%s-intelligence:8053" $name) -}}
{{- end -}}
{{- $_ := set $settings "BRIDGE_URL" ($settings.BRIDGE_URL | default (printf "http://%s-bridge:8054" $name)) -}}
{{- $_ := set $settings "INGRESS_URL" ($settings.INGRESS_URL | default (printf "http://%s-ingress:8156" $name)) -}}
{{- $_ := set $settings "WORKER_URL" ($settings.WORKER_URL | default (printf "http://%s-worker:8157" $name)) -}}
{{- $_ := set $settings "HOST" "0.0.0.0" -}}
{{- range $key, $value := $settings }}
{{ $key }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* In: root, component. Out: the environment that leads to the secrets of its pods. */}}
{{- define "archon.secretEnvironment" -}}
{{- $component := .component }}
{{- range $setting, $from := .root.Values.secretFiles }}
{{- if and $from.secretName (has $component $from.for) }}
- name: {{ $setting }}_FILE
  value: /etc/archon/secrets/{{ $setting }}
{{- end }}
{{- end }}
{{- range $setting, $from := .root.Values.secretEnv }}
{{- if and $from.secretName (has $component $from.for) }}
- name: {{ $setting }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.secretName }}
      key: {{ $from.key }}
{{- end }}
{{- end }}
{{- end }}

{{/* In: root, component. Out: the files of its pods: a place to write, secrets and certificates to read. */}}
{{- define "archon.volumes" -}}
{{- $sources := list }}
{{- $component := .component }}
{{- range $setting, $from := .root.Values.secretFiles }}
{{- if and $from.secretName (has $component $from.for) }}
{{- $sources = append $sources (dict "name" $from.secretName "key" $from.key "path" $setting) }}
{{- end }}
{{- end }}
{{- with .root.Values.apiKeys }}
{{- if and .secretName (eq $component "bridge") }}
{{- $sources = append $sources (dict "name" .secretName "key" .key "path" "api-keys.json") }}
{{- end }}
{{- end }}
- name: tmp
  emptyDir: {}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $sources }}
      - secret:
          name: {{ .name }}
          items:
            - {key: {{ .key }}, path: {{ .path }}}
      {{- else }} []
      {{- end }}
{{- if eq $component "bridge" }}
- name: rollout
  configMap:
    name: {{ include "archon.name" .root }}-rollout
{{- end }}
{{- with .root.Values.certificates.secretName }}
- name: certificates
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- define "archon.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
- name: secrets
  mountPath: /etc/archon/secrets
  readOnly: true
{{- if eq (.component | default "") "bridge" }}
- name: rollout
  mountPath: /etc/archon/rollout
  readOnly: true
{{- end }}
{{- if .root.Values.certificates.secretName }}
- name: certificates
  mountPath: /etc/archon/certificates
  readOnly: true
{{- end }}
{{- end }}

{{- define "archon.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "archon.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
