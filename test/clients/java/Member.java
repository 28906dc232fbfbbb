import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** A member of a group: one thread owns its consumer, polls it, and does in between what others ask for. */
final class Member extends Thread {
  private final Supplier<KafkaConsumer<String, String>> open;
  private final String topic;
  private final LinkedBlockingQueue<Runnable> asked = new LinkedBlockingQueue<>();
  private final List<Object> records = new ArrayList<>();
  private KafkaConsumer<String, String> consumer;
  private boolean left;

  Member(Supplier<KafkaConsumer<String, String>> open, String topic) {
    this.open = open;
    this.topic = topic;
    setDaemon(true);
    start();
  }

  @Override
  public void run() {
    consumer = open.get();
    consumer.subscribe(List.of(topic));
    while (!left) {
      try {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) records.add(Driver.read(record));
      } catch (RuntimeException error) {
        // The broker may be restarting.
        error.printStackTrace();
      }
      for (Runnable one = asked.poll(); one != null; one = asked.poll()) one.run();
    }
  }

  Object ask(Function<KafkaConsumer<String, String>, Object> what) throws Exception {
    CompletableFuture<Object> done = new CompletableFuture<>();
    asked.add(() -> {
      try {
        done.complete(what.apply(consumer));
      } catch (RuntimeException error) {
        done.completeExceptionally(error);
      }
    });
    return done.get(35, TimeUnit.SECONDS);
  }

  Object seen() throws Exception {
    return ask(consumer -> {
      List<Integer> assignment = consumer.assignment().stream().map(TopicPartition::partition).sorted().toList();
      return Map.of("assignment", assignment, "records", new ArrayList<>(records));
    });
  }

  void leave() throws Exception {
    ask(consumer -> {
      left = true;
      consumer.close();
      return null;
    });
    join(10_000);
  }
}
