package io.github.oft4j.internal;

import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;

/** Configurations on the native side. They live as long as a call; JSON is what stays. */
public final class NativeConfig {
  private NativeConfig() {}

  /**
   * Parses a text of which absent keys take oft's defaults.
   *
   * @param call owns the result
   * @param json PEFT's JSON
   * @return an {@code oft_config}
   */
  public static MemorySegment parse(Call call, String json) {
    return parse(call, json, OftC.OFT_CONFIG_USER());
  }

  /**
   * Parses an {@code adapter_config.json}: absent keys take PEFT's defaults of the file's version.
   *
   * @param call owns the result
   * @param json PEFT's JSON
   * @return an {@code oft_config}
   */
  public static MemorySegment parseFile(Call call, String json) {
    return parse(call, json, OftC.OFT_CONFIG_ADAPTER_FILE());
  }

  /**
   * The normalised text.
   *
   * @param call owns or leases the configuration
   * @param config an {@code oft_config}
   * @return a JSON object, every key explicit
   */
  public static String json(Call call, MemorySegment config) {
    return call.text(
        (buffer, capacity, outSize, outError) ->
            OftC.oft_config_to_json(config, buffer, capacity, outSize, outError));
  }

  /**
   * What parsing found odd.
   *
   * @param call owns or leases the configuration
   * @param config an {@code oft_config}
   * @return a JSON array of strings
   */
  public static String warnings(Call call, MemorySegment config) {
    return call.text(
        (buffer, capacity, outSize, outError) ->
            OftC.oft_config_warnings(config, buffer, capacity, outSize, outError));
  }

  private static MemorySegment parse(Call call, String json, int source) {
    var text = call.utf8(json);
    call.check(OftC.oft_config_parse(text.data(), text.size(), source, call.out(), call.error()));
    return call.own(NativeType.CONFIG);
  }
}
