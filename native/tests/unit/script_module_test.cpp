#include "src/script_module.hpp"

#include <ATen/core/grad_mode.h>

#include "script_support.hpp"
#include "src/files.hpp"

namespace oft {
namespace {

using namespace testing;
using c10::IValue;

std::string read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string replaced(std::string text, const std::string& old, const std::string& by) {
  for (auto at = text.find(old); at != text.npos; at = text.find(old, at))
    text.replace(at, old.size(), by);
  return text;
}

class ScriptFile : public FolderTest {
 protected:
  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  std::string whole_ = read_bytes(data_dir() / "scripts" / "mlp_traced.pt");
};

TEST_F(ScriptFile, LoadsFromAFileAndFromBytes) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({3, 16});
  const torch::jit::Module from_file = load_example("mlp_traced");
  const torch::jit::Module from_bytes = load_script_bytes(whole_);
  EXPECT_EQ(max_difference(call_script(from_file, "forward", {x}).toTensor(),
                           call_script(from_bytes, "forward", {x}).toTensor()),
            0);
}

TEST_F(ScriptFile, CastsFloatingPointTensorsOnlyAndKeepsTies) {
  const torch::jit::Module convolutions = load_example("conv_scripted", {.dtype = at::kDouble});
  EXPECT_EQ(script_tensor(convolutions, "padded.weight").scalar_type(), at::kDouble);
  EXPECT_EQ(script_tensor(convolutions, "norm.running_mean").scalar_type(), at::kDouble);
  EXPECT_EQ(script_tensor(convolutions, "norm.num_batches_tracked").scalar_type(), at::kLong);
  EXPECT_TRUE(script_tensor(convolutions, "padded.weight").requires_grad());
  const at::Tensor x = at::randn({1, 8, 12, 10}, at::kDouble);
  EXPECT_EQ(call_script(convolutions, "forward", {x}).toTensor().scalar_type(), at::kDouble);

  const torch::jit::Module tied = load_example("tied_scripted", {.dtype = at::kBFloat16});
  EXPECT_EQ(script_tensor(tied, "tokens.weight").data_ptr(),
            script_tensor(tied, "lm_head.weight").data_ptr());
}

TEST_F(ScriptFile, RefusesOtherFilesWithARemedy) {
  const std::map<std::string, std::vector<std::string>> refused{
      {"x.safetensors", {"safetensors", "torch.jit.trace"}},
      {"x.pkl", {"pickle", "torch.save"}},
      {"x.txt", {"not a TorchScript file"}},
      {"x.pth", {"torch.save"}},
      {"x.zip", {"zip archive"}},
  };
  write("x.safetensors", std::string("\2\0\0\0\0\0\0\0{}", 10));
  write("x.pkl", "\x80\2}q\0.");
  write("x.txt", "hello");
  const std::string pickled = replaced(whole_, "constants.pkl", "constantz.pkl");
  write("x.pth", pickled);
  write("x.zip", replaced(pickled, "data.pkl", "date.pkl"));
  for (const auto& [name, parts] : refused) {
    SCOPED_TRACE(name);
    const std::string text = error_of(Status::kUnsupported, [&] { load_script(folder_ / name); });
    expect_contains(text, parts);
    expect_contains(text, {name, "torch.jit.trace(model, example)"});
  }
  expect_error(Status::kUnsupported, {"is a folder"}, [&] { load_script(folder_); });
  expect_error(Status::kNotFound, {"none.pt"}, [&] { load_script(folder_ / "none.pt"); });
}

TEST_F(ScriptFile, TellsDamage) {
  expect_error(Status::kParse, {"empty.pt", "empty"}, [&] { load_script(write("empty.pt", "")); });
  for (const double part : {0.01, 0.5, 0.99})
    expect_error(Status::kParse, {"cut.pt", "incomplete"}, [&] {
      load_script(
          write("cut.pt", whole_.substr(0, static_cast<std::size_t>(part * whole_.size()))));
    });
  expect_error(Status::kParse, {"broken.pt", "damaged"},
               [&] { load_script(write("broken.pt", replaced(whole_, "return", "retyrn"))); });
}

TEST_F(ScriptFile, NamesOperatorsThatAreMissing) {
  expect_error(Status::kUnsupported, {"other.pt", "aten::lunear", "load the library"}, [&] {
    load_script(write("other.pt", replaced(whole_, "torch.linear", "torch.lunear")));
  });
}

TEST_F(ScriptFile, NamesAbsentDevices) {
  expect_error(Status::kInvalidArgument, {"'gpu'", "cuda:0"},
               [] { load_example("mlp_traced", {.device = "gpu"}); });
  expect_error(Status::kDevice, {"'cuda:999'", "absent"},
               [] { load_example("mlp_traced", {.device = "cuda:999"}); });
}

TEST_F(ScriptFile, SavesWhatItLoads) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({2, 6, 32});
  const torch::jit::Module module = load_example("attention_scripted");
  const fs::path path = folder_ / "saved.pt";
  save_script(module, path);
  EXPECT_EQ(fs::directory_iterator(folder_)->path(), path);
  torch::jit::Module loaded = torch::jit::load(path.string());
  EXPECT_EQ(max_difference(loaded.forward({x}).toTensor(),
                           call_script(module, "forward", {x}).toTensor()),
            0);
  EXPECT_EQ(script_to_json(loaded), script_to_json(module));
  expect_error(Status::kIo, {"none"}, [&] { save_script(module, folder_ / "none" / "saved.pt"); });
}

TEST(ScriptModule, DescribesItself) {
  const json report = json::parse(script_to_json(load_example("embedding_traced")));
  EXPECT_EQ(report["training"], false);
  EXPECT_EQ(report["methods"], json::array({"forward"}));
  EXPECT_EQ(report["modules"], json::array({{{"name", "tokens"},
                                             {"kind", "Embedding"},
                                             {"class_name", "torch.nn.modules.sparse.Embedding"}},
                                            {{"name", "head"},
                                             {"kind", "Linear"},
                                             {"class_name", "torch.nn.modules.linear.Linear"}}}));
  EXPECT_EQ(report["parameters"][0], (json{{"name", "tokens.weight"},
                                           {"dtype", "float32"},
                                           {"shape", {20, 16}},
                                           {"device", "cpu"}}));
  EXPECT_EQ(report["buffers"], json::array());
  EXPECT_EQ(json::parse(script_to_json(load_example("frozen")))["training"], false);
}

TEST(ScriptModule, FindsTensorsUnderAllTheirNames) {
  const torch::jit::Module module = load_example("shared_scripted");
  EXPECT_EQ(script_tensor(module, "second.weight").data_ptr(),
            script_tensor(module, "first.weight").data_ptr());
  for (const std::string name : {"firts.weight", "first", "first.weight.x", "", "first..weight"})
    expect_error(Status::kNotFound, {"'" + name + "'", "nearest"},
                 [&] { script_tensor(module, name); });
}

TEST(ScriptModule, TakesAndGivesStructures) {
  const torch::jit::Module module = load_example("structures_scripted");
  c10::impl::GenericList many(c10::AnyType::get());
  many.push_back(at::ones({8}));
  c10::impl::GenericDict named(c10::StringType::get(), c10::AnyType::get());
  named.insert("x", at::zeros({4}));
  const IValue pair = c10::ivalue::Tuple::create({at::ones({8}), at::ones({8})});
  const IValue result = call_script(module, "forward", {pair, many, named},
                                    {{"times", 3}, {"scale", 2}, {"key", "y"}});
  const std::vector<IValue> elements = result.toTupleRef().elements().vec();
  ASSERT_EQ(elements.size(), 8U);
  EXPECT_EQ(elements[1].toListRef().size(), 3U);
  EXPECT_EQ(elements[2].toGenericDict().size(), 2U);
  EXPECT_TRUE(elements[3].isNone());
  EXPECT_EQ(elements[4], IValue(3));
  EXPECT_EQ(elements[5], IValue(2.0));
  EXPECT_EQ(elements[6], IValue(false));
  EXPECT_EQ(elements[7], IValue("y"));
  EXPECT_EQ(named.size(), 1U);

  const IValue scaled =
      call_script(module, "scaled", {at::ones({2, 2})},
                  {{"factors", c10::List<std::int64_t>({2, 3})}, {"shape", IValue()}});
  EXPECT_EQ(scaled.toTensor().sum().item<double>(), 24);
}

TEST(ScriptModule, SaysWhyACallFails) {
  const torch::jit::Module module = load_example("mlp_traced");
  expect_error(Status::kNotFound, {"'encode'", "'forward'"},
               [&] { call_script(module, "encode", {}); });
  expect_error(Status::kInvalidArgument, {"forward: argument 'x'", "missing"},
               [&] { call_script(module, "forward", {}); });
  const std::string text = error_of(Status::kInvalidArgument, [&] {
    call_script(module, "forward", {at::ones({2, 15})});
  });
  EXPECT_EQ(text, "forward: mat1 and mat2 shapes cannot be multiplied (2x15 and 16x32)");

  torch::jit::Module raising("Raising");
  raising.define(
      "def forward(self, x: int):\n    assert x > 0, 'x must be positive'\n    return x\n");
  expect_error(Status::kInvalidArgument, {"forward: ", "x must be positive"},
               [&] { call_script(raising, "forward", {-1}); });
}

TEST(ScriptModule, SwitchesBetweenTrainingAndEvaluation) {
  const at::NoGradGuard no_grad;
  const torch::jit::Module module = load_example("dropout_scripted");
  const at::Tensor x = at::randn({64, 16});
  const auto zeros = [&] {
    return (call_script(module, "forward", {x}).toTensor() == 0).sum().item<int>();
  };
  EXPECT_GT(zeros(), 300);
  train_script(module, false);
  EXPECT_EQ(zeros(), 0);
  train_script(module, true);
  EXPECT_GT(zeros(), 300);
  expect_error(Status::kUnsupported, {"frozen"},
               [] { train_script(load_example("frozen"), true); });
}

}  // namespace
}  // namespace oft
