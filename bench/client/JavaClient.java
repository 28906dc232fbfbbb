import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.tools.ConsumerPerformance;
import org.apache.kafka.tools.ProducerPerformance;

/**
 * Java's client: its own perf tools within this process, first to get warm and then measured, and a loop of
 * transactions. JavaClient JOB BROKER TOPIC WARM N RATE PAYLOADS; the last line is `FIGURES seconds cpu peakMb p50 p99`.
 */
public final class JavaClient {
  public static void main(String[] args) throws Exception {
    String job = args[0], broker = args[1], topic = args[2];
    int warm = Integer.parseInt(args[3]), n = Integer.parseInt(args[4]);
    Work work =
        switch (job) {
          case "produce" -> count -> produce(broker, topic, count, "-1", args[6]);
          // The tool leaves its own first records out: a second run would count the way to the broker again.
          case "latency" -> count -> produce(broker, topic, count, args[5], args[6], "--warmup-records", args[3]);
          case "consume" -> count -> consume(broker, topic, count);
          case "transaction" -> transactions(broker, topic);
          default -> throw new IllegalArgumentException(job);
        };
    if (job.equals("latency")) n += warm;
    else work.run(warm);
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long cpu = system.getProcessCpuTime(), start = System.nanoTime();
    double[] times = work.run(n);
    double seconds = (System.nanoTime() - start) / 1e9, used = (system.getProcessCpuTime() - cpu) / 1e9;
    Arrays.sort(times);
    double p50 = times.length == 0 ? 0 : times[times.length / 2];
    double p99 = times.length == 0 ? 0 : times[times.length * 99 / 100];
    System.out.printf("%nFIGURES %.3f %.3f %d %.2f %.2f%n", seconds, used, peakMb(), p50, p99);
    System.exit(0);
  }

  private interface Work {
    double[] run(int count) throws Exception;
  }

  private static double[] produce(
      String broker, String topic, int count, String rate, String payloads, String... more) throws Exception {
    String[] parameters = {
      "--bootstrap-server", broker, "--topic", topic, "--num-records", "" + count, "--throughput", rate,
      "--payload-file", payloads, "--command-property", "acks=all"
    };
    String[] all = Arrays.copyOf(parameters, parameters.length + more.length);
    System.arraycopy(more, 0, all, parameters.length, more.length);
    ProducerPerformance.main(all);
    return new double[0];
  }

  private static double[] consume(String broker, String topic, int count) throws Exception {
    ConsumerPerformance.main(
        new String[] {"--bootstrap-server", broker, "--topic", topic, "--num-records", "" + count});
    return new double[0];
  }

  private static Work transactions(String broker, String topic) {
    var properties = new Properties();
    properties.put("bootstrap.servers", broker);
    properties.put("transactional.id", "bench-" + ProcessHandle.current().pid());
    var bytes = new ByteArraySerializer();
    var producer = new KafkaProducer<>(properties, bytes, bytes);
    producer.initTransactions();
    byte[] value = new byte[100];
    return count -> {
      double[] times = new double[count];
      for (int at = 0; at < count; at++) {
        long start = System.nanoTime();
        producer.beginTransaction();
        producer.send(new ProducerRecord<>(topic, value)).get();
        producer.commitTransaction();
        times[at] = (System.nanoTime() - start) / 1e6;
      }
      return times;
    };
  }

  private static long peakMb() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status")))
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
    return 0;
  }
}
