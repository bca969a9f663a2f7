import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Properties;
import org.apache.solr.embedded.JettyConfig;
import org.apache.solr.embedded.JettySolrRunner;

/**
 * One Solr on a loopback port that the system chooses.
 *
 * <p>Arguments: the Solr home; the file that gets the port number; "attached" or "detached". Attached, it ends with its parent: the end of
 * standard input is the sign, which comes even where the parent was killed with no chance to clean up.
 */
public final class SolrServer {
  private SolrServer() {}

  public static void main(String[] arguments) throws Exception {
    Path home = Path.of(arguments[0]).toAbsolutePath();
    Path portFile = Path.of(arguments[1]).toAbsolutePath();
    JettyConfig config = JettyConfig.builder().setContext("/solr").setPort(0).build();
    JettySolrRunner server = new JettySolrRunner(home.toString(), new Properties(), config);
    server.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server)));

    // Written whole or not at all: the other side polls for it.
    Path draft = portFile.resolveSibling(portFile.getFileName() + ".part");
    Files.writeString(draft, Integer.toString(server.getLocalPort()));
    Files.move(draft, portFile, StandardCopyOption.ATOMIC_MOVE);

    if ("attached".equals(arguments[2])) {
      waitForParent();
      System.exit(0);
    }
    Thread.currentThread().join();
  }

  private static void waitForParent() {
    try {
      while (System.in.read() >= 0) {}
    } catch (IOException closed) {
      // The same news in another form.
    }
  }

  private static void stop(JettySolrRunner server) {
    try {
      server.stop();
    } catch (Exception failure) {
      failure.printStackTrace();
    }
  }
}
