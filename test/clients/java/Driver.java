import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** The Java clients: a request per line comes in, an answer per line goes out. One process serves all scenarios. */
public final class Driver {
  interface Op {
    Object run(JsonNode parameters) throws Exception;
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration POLL = Duration.ofMillis(100);

  private final String brokers = System.getenv("BROKERS");
  private final Admin admin = Admin.create(settings(Map.of("default.api.timeout.ms", 30_000)));
  private final Map<String, Member> members = new HashMap<>();
  private final Map<String, KafkaProducer<String, String>> transactional = new HashMap<>();
  private final Map<String, Op> ops = new HashMap<>();

  public static void main(String[] arguments) throws Exception {
    // The clients may print too: answers have the output for themselves.
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err);
    Driver driver = new Driver();
    BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      answers.println(driver.answer(JSON.readTree(line)));
    }
    System.exit(0);
  }

  private Driver() {
    ops.put("version", parameters -> AppInfoParser.getVersion());
    ops.put("produce", this::produce);
    ops.put("read", this::read);
    ops.put("join", this::join);
    ops.put("seen", parameters -> member(parameters).seen());
    ops.put("commit", parameters -> member(parameters).ask(consumer -> {
      consumer.commitSync();
      return null;
    }));
    ops.put("leave", parameters -> {
      member(parameters).leave();
      members.remove(parameters.get("member").asText());
      return null;
    });
    ops.put("transaction", this::transaction);
    ops.put("createTopic", this::createTopic);
    ops.put("describeTopic", this::describeTopic);
    ops.put("describeConfig", this::describeConfig);
    ops.put("alterConfig", this::alterConfig);
    ops.put("deleteTopic", parameters -> admin.deleteTopics(List.of(topic(parameters))).all().get());
    ops.put("lag", this::lag);
    ops.put("login", this::login);
  }

  private String answer(JsonNode request) throws Exception {
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", request.get("id"));
    try {
      Op op = ops.get(request.get("op").asText());
      if (op == null) throw new IllegalArgumentException("there is no " + request.get("op"));
      answer.set("result", JSON.valueToTree(op.run(request)));
    } catch (Throwable thrown) {
      Throwable error = thrown instanceof ExecutionException ? thrown.getCause() : thrown;
      error.printStackTrace();
      Errors known = Errors.forException(error);
      ObjectNode refusal = answer.putObject("error");
      refusal.put("kafka", known == Errors.UNKNOWN_SERVER_ERROR ? null : known.name());
      refusal.put("message", error.toString());
    }
    return JSON.writeValueAsString(answer);
  }

  private static String topic(JsonNode parameters) {
    return parameters.get("topic").asText();
  }

  private Member member(JsonNode parameters) {
    return members.get(parameters.get("member").asText());
  }

  private Map<String, Object> settings(Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>(more);
    settings.put("bootstrap.servers", brokers);
    settings.put("client.id", "java");
    return settings;
  }

  private KafkaProducer<String, String> producer(Map<String, Object> more) {
    return new KafkaProducer<>(settings(more), new StringSerializer(), new StringSerializer());
  }

  private KafkaConsumer<String, String> consumer(Map<String, Object> more) {
    Map<String, Object> settings = settings(more);
    settings.put("enable.auto.commit", "false");
    return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
  }

  private static ProducerRecord<String, String> recordOf(String topic, JsonNode record) {
    List<Header> headers = new ArrayList<>();
    if (record.has("headers")) {
      for (JsonNode pair : record.get("headers")) headers.add(new TextHeader(pair.get(0).asText(), pair.get(1).textValue()));
    }
    String key = record.get("key").textValue();
    return new ProducerRecord<>(topic, record.get("partition").asInt(), key, record.get("value").textValue(), headers);
  }

  private record TextHeader(String key, String text) implements Header {
    @Override
    public byte[] value() {
      return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }
  }

  static Map<String, Object> read(ConsumerRecord<String, String> record) {
    List<List<String>> headers = new ArrayList<>();
    for (Header header : record.headers()) {
      List<String> pair = new ArrayList<>();
      pair.add(header.key());
      pair.add(header.value() == null ? null : new String(header.value(), StandardCharsets.UTF_8));
      headers.add(pair);
    }
    Map<String, Object> read = new LinkedHashMap<>();
    read.put("partition", record.partition());
    read.put("offset", record.offset());
    read.put("key", record.key());
    read.put("value", record.value());
    read.put("headers", headers);
    return read;
  }

  private static void send(KafkaProducer<String, String> producer, JsonNode parameters) throws Exception {
    List<Future<?>> sent = new ArrayList<>();
    for (JsonNode record : parameters.get("records")) sent.add(producer.send(recordOf(topic(parameters), record)));
    for (Future<?> one : sent) one.get();
  }

  private Object produce(JsonNode parameters) throws Exception {
    Map<String, Object> settings = Map.of(
        "enable.idempotence", parameters.path("idempotent").asBoolean(false),
        "compression.type", parameters.path("compression").asText("none"),
        "linger.ms", 20,
        "max.block.ms", 10_000);
    try (KafkaProducer<String, String> producer = producer(settings)) {
      send(producer, parameters);
    }
    return null;
  }

  private List<TopicPartition> partitions(JsonNode parameters) {
    int count = parameters.get("partitions").asInt();
    return IntStream.range(0, count).mapToObj(partition -> new TopicPartition(topic(parameters), partition)).toList();
  }

  private Object read(JsonNode parameters) {
    int count = parameters.get("count").asInt();
    List<Object> records = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = consumer(Map.of("isolation.level", parameters.get("isolation").asText()))) {
      consumer.assign(partitions(parameters));
      consumer.seekToBeginning(consumer.assignment());
      while (records.size() < count) {
        for (ConsumerRecord<String, String> record : consumer.poll(POLL)) records.add(read(record));
      }
    }
    return records;
  }

  private Object join(JsonNode parameters) {
    String protocol = parameters.get("protocol").asText();
    Map<String, Object> settings = new HashMap<>();
    settings.put("group.id", parameters.get("group").asText());
    settings.put("group.protocol", protocol);
    settings.put("auto.offset.reset", "earliest");
    settings.put("metadata.max.age.ms", 2000);
    if (protocol.equals("classic")) {
      settings.put("session.timeout.ms", 6000);
      settings.put("heartbeat.interval.ms", 300);
      if (parameters.has("assignor")) settings.put("partition.assignment.strategy", parameters.get("assignor").asText());
    }
    members.put(parameters.get("member").asText(), new Member(() -> consumer(settings), topic(parameters)));
    return null;
  }

  private Object transaction(JsonNode parameters) throws Exception {
    String id = parameters.get("transactionalId").asText();
    KafkaProducer<String, String> producer = transactional.get(id);
    if (producer == null) {
      producer = producer(Map.of("transactional.id", id));
      producer.initTransactions();
      transactional.put(id, producer);
    }
    producer.beginTransaction();
    send(producer, parameters);
    if (parameters.get("outcome").asText().equals("commit")) producer.commitTransaction();
    else producer.abortTransaction();
    return null;
  }

  private Object createTopic(JsonNode parameters) throws Exception {
    Map<String, String> configs = JSON.convertValue(parameters.get("configs"), Map.class);
    NewTopic topic = new NewTopic(topic(parameters), parameters.get("partitions").asInt(), (short) 1).configs(configs);
    return admin.createTopics(List.of(topic)).all().get();
  }

  private Object describeTopic(JsonNode parameters) throws Exception {
    String topic = topic(parameters);
    return Map.of("partitions", admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
  }

  private static ConfigResource resource(JsonNode parameters) {
    return new ConfigResource(ConfigResource.Type.TOPIC, topic(parameters));
  }

  private Object describeConfig(JsonNode parameters) throws Exception {
    KafkaFuture<org.apache.kafka.clients.admin.Config> found = admin.describeConfigs(List.of(resource(parameters))).values().get(resource(parameters));
    return found.get().get(parameters.get("name").asText()).value();
  }

  private Object alterConfig(JsonNode parameters) throws Exception {
    ConfigEntry entry = new ConfigEntry(parameters.get("name").asText(), parameters.get("value").asText());
    AlterConfigOp set = new AlterConfigOp(entry, AlterConfigOp.OpType.SET);
    return admin.incrementalAlterConfigs(Map.of(resource(parameters), List.of(set))).all().get();
  }

  private Object login(JsonNode parameters) throws Exception {
    String mechanism = parameters.get("mechanism").asText();
    String module = "org.apache.kafka.common.security." + (mechanism.equals("PLAIN") ? "plain.Plain" : "scram.Scram") + "LoginModule";
    String secret = String.format("username=\"%s\" password=\"%s\"", parameters.get("username").asText(), parameters.get("password").asText());
    Map<String, Object> settings = Map.of(
        "bootstrap.servers", parameters.get("brokers").asText(),
        "security.protocol", "SASL_PLAINTEXT",
        "sasl.mechanism", mechanism,
        "sasl.jaas.config", module + " required " + secret + ";",
        "default.api.timeout.ms", 10_000,
        "request.timeout.ms", 5000);
    try (Admin one = Admin.create(settings)) {
      one.listTopics().names().get();
    }
    return null;
  }

  private Object lag(JsonNode parameters) throws Exception {
    String group = parameters.get("group").asText();
    List<TopicPartition> all = partitions(parameters);
    var spec = new ListConsumerGroupOffsetsSpec().topicPartitions(all);
    var committed = admin.listConsumerGroupOffsets(Map.of(group, spec)).partitionsToOffsetAndMetadata(group).get();
    Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
    for (TopicPartition one : all) latest.put(one, OffsetSpec.latest());
    var ends = admin.listOffsets(latest).all().get();
    List<Object> lags = new ArrayList<>();
    for (TopicPartition one : all) {
      lags.add(Map.of("partition", one.partition(), "committed", committed.get(one).offset(), "end", ends.get(one).offset()));
    }
    return lags;
  }
}
