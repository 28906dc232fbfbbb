/**
 * The settings of listeners, TLS, SASL, rights and quotas, under Kafka's names where Kafka has one.
 *
 * A setting of TLS or SASL may be given for one listener: `listener.name.<listener>.<setting>`. Secrets are never
 * answered to anybody (DescribeConfigs gives null for them), nor written to logs.
 */
import {
  booleanSetting,
  choiceSetting,
  intSetting,
  listSetting,
  longSetting,
  type Setting,
} from '../../log/config-setting.ts'

const positive = { min: 1 }
const natural = { min: 0 }
const HOUR_MS = 3_600_000

/** Any text, blanks around it cut off. */
function textSetting(fallback: string, documentation: string): Setting<string> {
  return {
    type: 'string',
    default: fallback,
    documentation,
    legal: 'a text',
    validate: () => undefined,
    parse: (text) => text.trim(),
  }
}

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
export const securityProtocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
export type SecurityProtocol = (typeof securityProtocols)[number]

export const securitySettings = {
  listeners: listSetting(
    [],
    [],
    'Where clients are served, as name://host:port. Without it nothing is listened on by itself.',
  ),
  'advertised.listeners': listSetting(
    [],
    [],
    'What clients are told to connect to, as name://host:port; the listeners themselves if not given.',
  ),
  'listener.security.protocol.map': listSetting(
    securityProtocols.map((protocol) => `${protocol}:${protocol}`),
    [],
    'The protocol of each listener, as name:protocol with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.',
  ),
  'insecure.listeners.allow': booleanSetting(
    false,
    'Let a listener be open to other machines though nobody has to log in. Not a setting of Kafka.',
  ),

  'ssl.keystore.type': choiceSetting('PEM', ['PEM', 'PKCS12'], 'The format of ssl.keystore.location.'),
  'ssl.keystore.location': textSetting(
    '',
    'A file with the certificate of the broker, its chain and its key.',
  ),
  'ssl.keystore.password': textSetting('', 'The password of a PKCS12 keystore.'),
  'ssl.keystore.certificate.chain': textSetting(
    '',
    'The certificate and its chain as PEM, instead of a file.',
  ),
  'ssl.keystore.key': textSetting('', 'The private key as PEM (PKCS #8), instead of a file.'),
  'ssl.key.password': textSetting('', 'The password of an encrypted private key.'),
  'ssl.truststore.type': choiceSetting('PEM', ['PEM'], 'The format of ssl.truststore.location.'),
  'ssl.truststore.location': textSetting(
    '',
    'A file with the authorities whose clients are believed, as PEM.',
  ),
  'ssl.truststore.certificates': textSetting('', 'The authorities as PEM, instead of a file.'),
  'ssl.client.auth': choiceSetting(
    'none',
    ['none', 'requested', 'required'],
    'Whether clients have to show a certificate.',
  ),
  'ssl.enabled.protocols': listSetting(
    ['TLSv1.2', 'TLSv1.3'],
    ['TLSv1.2', 'TLSv1.3'],
    'The versions of TLS that are spoken.',
  ),
  'ssl.cipher.suites': listSetting([], [], 'Ciphers under OpenSSL’s names; those of Node.js if not given.'),
  'ssl.principal.mapping.rules': textSetting(
    'DEFAULT',
    'How the subject of a certificate becomes a user: RULE:pattern/replacement/[LU], …, DEFAULT.',
  ),

  'sasl.enabled.mechanisms': listSetting(
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'],
    saslMechanisms,
    'The ways to log in on listeners with SASL.',
  ),
  'plain.sasl.jaas.config': textSetting(
    '',
    'The users of PLAIN in Kafka’s form: …PlainLoginModule required user_alice="her password";',
  ),
  'sasl.server.max.receive.size': intSetting(
    524_288,
    { min: 1024 },
    'The largest request of a client that has not logged in yet.',
  ),
  'connections.max.reauth.ms': longSetting(
    0,
    natural,
    'After which time a client has to log in again (KIP-368); 0 for never.',
  ),
  'connection.failed.authentication.delay.ms': intSetting(
    100,
    { min: 0, max: 10_000 },
    'How long a client whose login failed waits for the answer.',
  ),
  'connection.authentication.timeout.ms': intSetting(
    10_000,
    positive,
    'How long a client may take to log in. Not a setting of Kafka.',
  ),
  'sasl.oauthbearer.jwks.endpoint.url': textSetting(
    '',
    'Where the keys that sign tokens are: http(s):// or file://.',
  ),
  'sasl.oauthbearer.jwks.endpoint.refresh.ms': longSetting(HOUR_MS, positive, 'How often the keys are read.'),
  'sasl.oauthbearer.expected.audience': listSetting([], [], 'One of these must be in `aud` of a token.'),
  'sasl.oauthbearer.expected.issuer': textSetting('', 'What `iss` of a token must be.'),
  'sasl.oauthbearer.clock.skew.seconds': intSetting(30, natural, 'How far clocks may be apart.'),
  'sasl.oauthbearer.sub.claim.name': textSetting('sub', 'The claim of a token that names the user.'),

  'authorizer.class.name': textSetting(
    '',
    'StandardAuthorizer: rights are checked. none: every user may do everything. If not given, rights are checked as soon as a listener asks for a login.',
  ),
  'super.users': textSetting('', 'Users that may do everything, as User:alice;User:bob.'),
  'allow.everyone.if.no.acl.found': booleanSetting(
    false,
    'Whether everybody may do everything with what no rule is about.',
  ),

  'quota.window.num': intSetting(11, { min: 2 }, 'How many windows a client may use at once: its burst.'),
  'quota.window.size.seconds': intSetting(1, positive, 'The length of such a window.'),
}

/** What nobody is told. */
export const secretSettings: ReadonlySet<string> = new Set([
  'ssl.keystore.password',
  'ssl.keystore.key',
  'ssl.key.password',
  'plain.sasl.jaas.config',
])
