import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/**
 * Where Java's producer puts keys. For each key on standard input (a length of four bytes, then the key) one line of
 * numbers goes out: its partition for each of the counts that are the arguments.
 */
public final class Partitions {
  public static void main(String[] counts) throws Exception {
    DataInputStream keys = new DataInputStream(new BufferedInputStream(System.in));
    DataOutputStream lines = new DataOutputStream(new BufferedOutputStream(System.out));
    for (;;) {
      byte[] key;
      try {
        key = new byte[keys.readInt()];
      } catch (EOFException end) {
        break;
      }
      keys.readFully(key);
      StringBuilder line = new StringBuilder();
      for (String count : counts) line.append(BuiltInPartitioner.partitionForKey(key, Integer.parseInt(count))).append(' ');
      lines.writeBytes(line.append('\n').toString());
    }
    lines.flush();
  }
}
