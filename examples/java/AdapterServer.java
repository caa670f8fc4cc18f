import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.oft4j.ForwardOptions;
import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTModelOptions;
import io.github.oft4j.OFTNotFoundException;
import io.github.oft4j.OFTScope;
import io.github.oft4j.ScriptModule;
import io.github.oft4j.Tensor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

/**
 * Serves one base model with several adapters; each request names the one it wants.
 *
 * <pre>
 *   java ... AdapterServer.java 8080 base.pt turned=adapter mirrored=other-adapter
 *   curl -d '[[0, 5, 13, ...]]' localhost:8080/turned      gives {"scores": [[0.1, ...]]}
 *   curl -d '[[0, 5, 13, ...]]' localhost:8080/            without an adapter
 * </pre>
 *
 * <p>The weights are in memory once. A request runs on a virtual thread, owns a scope, and never
 * waits because another one wants another adapter.
 *
 * <p>In place of the port, {@code --self-test=FILE.jsonl} sends the inputs of a file to itself, all
 * at once, checks each answer, and ends.
 */
public final class AdapterServer implements AutoCloseable {
  private static final String SELF_TEST = "--self-test=";
  private static final int OK = 200;
  private static final int BAD_REQUEST = 400;
  private static final int NOT_FOUND = 404;

  private final ObjectMapper json = new ObjectMapper();
  private final OFTScope scope = OFTScope.open();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final OFTModel model;
  private final HttpServer server;

  /** A virtual thread keeps its carrier while it computes: more at once would only queue there. */
  private final Semaphore processors =
      new Semaphore(Runtime.getRuntime().availableProcessors(), true);

  /**
   * Starts a server.
   *
   * @param port 0 for any that is free
   * @param base a TorchScript file whose method {@code forward} takes and gives one matrix
   * @param adapters folders by name; at least one
   */
  public AdapterServer(int port, Path base, SequencedMap<String, Path> adapters)
      throws IOException {
    String first = adapters.firstEntry().getKey();
    var module = ScriptModule.load(scope, base);
    var options = OFTModelOptions.defaults();
    model = OFTModel.fromPretrained(module, adapters.get(first), first, false, options);
    adapters.forEach(
        (name, folder) -> {
          if (!name.equals(first)) {
            model.loadAdapter(folder, name);
          }
        });
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** Arguments: PORT MODEL.pt NAME=FOLDER... */
  public static void main(String[] args) throws Exception {
    Path base = Path.of(args[1]);
    var adapters = new LinkedHashMap<String, Path>();
    for (String argument : List.of(args).subList(2, args.length)) {
      String[] nameAndFolder = argument.split("=", 2);
      adapters.put(nameAndFolder[0], Path.of(nameAndFolder[1]));
    }
    if (args[0].startsWith(SELF_TEST)) {
      try (var server = new AdapterServer(0, base, adapters)) {
        new SelfTest(base, adapters, Path.of(args[0].substring(SELF_TEST.length())))
            .run(server.port());
      }
    } else {
      var server = new AdapterServer(Integer.parseInt(args[0]), base, adapters);
      System.out.println("serving " + adapters.keySet() + " on port " + server.port());
    }
  }

  public int port() {
    return server.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String adapter = exchange.getRequestURI().getPath().substring(1);
      int status = OK;
      Object answer;
      try {
        var input = json.readValue(exchange.getRequestBody(), float[][].class);
        answer = Map.of("scores", scores(adapter, input));
      } catch (OFTNotFoundException e) {
        status = NOT_FOUND;
        answer = Map.of("error", e.getMessage());
      } catch (OFTArgumentException | JsonProcessingException e) {
        status = BAD_REQUEST;
        answer = Map.of("error", e.getMessage());
      }
      byte[] bytes = json.writeValueAsBytes(answer);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  /** Runs the model with one adapter, whatever other requests do. */
  private float[][] scores(String adapter, float[][] input) {
    var adapters = adapter.isEmpty() ? new String[0] : new String[] {adapter};
    var options = ForwardOptions.defaults().adapters(adapters);
    processors.acquireUninterruptibly();
    try (var request = scope.child()) {
      Tensor output = model.forward(options, request.tensor(input));
      var rows = new float[input.length][];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = output.select(0, i).toFloatArray();
      }
      return rows;
    } finally {
      processors.release();
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.close();
    scope.close();
  }
}
