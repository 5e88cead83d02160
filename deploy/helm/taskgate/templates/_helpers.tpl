{{- define "taskgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "taskgate.fullname" -}}
{{- $name := include "taskgate.name" . -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride }}
{{- else if contains $name .Release.Name -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "taskgate.selector" -}}
app.kubernetes.io/name: {{ include "taskgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "taskgate.labels" -}}
{{ include "taskgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "taskgate.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ printf "%s@%s" .repository .digest }}
{{- else -}}{{ printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "taskgate.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "taskgate.securityContext" -}}
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* The variables of a container that serves. */}}
{{- define "taskgate.env" -}}
- { name: TASKGATE_CONFIG, value: /etc/taskgate/config/taskgate.yaml }
- { name: TASKGATE_SPICEDB_ENDPOINT, value: {{ .Values.spicedb.endpoint | quote }} }
- name: TASKGATE_SPICEDB_TOKEN
  valueFrom: { secretKeyRef: { name: {{ .Values.secretName }}, key: spicedb-token } }
- name: TASKGATE_DATABASE_URL
  valueFrom: { secretKeyRef: { name: {{ .Values.secretName }}, key: database-url } }
{{- if .Values.redis.enabled }}
- name: TASKGATE_REDIS_URL
  valueFrom: { secretKeyRef: { name: {{ .Values.secretName }}, key: redis-url } }
- name: TASKGATE_REDIS_SIGNING_SECRET
  valueFrom: { secretKeyRef: { name: {{ .Values.secretName }}, key: redis-signing-secret } }
{{- end }}
- name: CURSOR_SECRET
  valueFrom: { secretKeyRef: { name: {{ .Values.secretName }}, key: cursor-secret } }
{{- end -}}

{{/* What the chart sets, over `config`. */}}
{{- define "taskgate.config" -}}
{{- $tls := dict "cert_file" "/etc/taskgate/tls/tls.crt" "key_file" "/etc/taskgate/tls/tls.key" -}}
{{- $set := dict
  "listeners" (dict
    "grpc" (dict "address" "0.0.0.0:50051" "tls" $tls)
    "http" (dict "address" "0.0.0.0:8080" "tls" $tls)
    "admin" (dict "address" "0.0.0.0:9090"))
  "authentication" (dict "tokens_file" "/etc/taskgate/tokens/tokens.yaml")
  "lists" (dict "cursor_secrets" (list "${CURSOR_SECRET}"))
  "shutdown" (dict "drain_delay_ms" (int .Values.shutdown.drainDelayMs) "grace_ms" (int .Values.shutdown.graceMs)) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $set) -}}
{{- end -}}

{{/* The same for a sidecar: a socket and loopback, where whoever is there may ask. */}}
{{- define "taskgate.sidecarConfig" -}}
{{- $set := dict
  "listeners" (dict
    "grpc" (dict "address" "unix:/run/taskgate/taskgate.sock" "socket_mode" "0660")
    "http" (dict "address" "127.0.0.1:8080")
    "admin" (dict "address" "0.0.0.0:9090"))
  "lists" (dict "cursor_secrets" (list "${CURSOR_SECRET}"))
  "shutdown" (dict "drain_delay_ms" 0 "grace_ms" 10000) -}}
{{- toYaml (mergeOverwrite (omit (deepCopy .Values.config) "authentication") $set) -}}
{{- end -}}

{{/*
An entry of initContainers for an application's pod, of a chart that has this one as a dependency:
  {{ include "taskgate.sidecar" .Subcharts.taskgate | nindent 8 }}
with taskgate.sidecarVolumes in its volumes, fsGroup 65532, and the volume taskgate-socket mounted at /run/taskgate.
*/}}
{{- define "taskgate.sidecar" -}}
- name: taskgate
  restartPolicy: Always
  image: {{ include "taskgate.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [serve]
  ports:
    - { name: tg-admin, containerPort: 9090 }
  env: {{- include "taskgate.env" . | nindent 4 }}
  startupProbe:
    exec: { command: [/nodejs/bin/node, --max-old-space-size=32, /app/dist/main.js, healthcheck, --grpc] }
    periodSeconds: 2
    timeoutSeconds: 6
    failureThreshold: 150
  readinessProbe: { httpGet: { path: /readyz, port: tg-admin }, periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 }
  livenessProbe: { httpGet: { path: /livez, port: tg-admin }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }
  resources: {{- toYaml .Values.resources | nindent 4 }}
  securityContext: {{- include "taskgate.securityContext" . | nindent 4 }}
  volumeMounts:
    - { name: taskgate-config, mountPath: /etc/taskgate/config, readOnly: true }
    - { name: taskgate-socket, mountPath: /run/taskgate }
{{- end -}}

{{- define "taskgate.sidecarVolumes" -}}
- name: taskgate-config
  configMap: { name: {{ include "taskgate.fullname" . }}-sidecar }
- name: taskgate-socket
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- end -}}
